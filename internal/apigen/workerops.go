package main

// workerOperations describe the capabilities, in the order of the contract.
func workerOperations() []operation {
	return []operation{
		{
			Method: "POST", Path: "/predict/revenue-lstm", Tag: "forecast", Summary: "Forecast a series of numbers, with intervals",
			Notes:   "mode local trains an LSTM with attention on this series; global uses the tenant's trained model; auto lets a rolling back-test choose. The answer says what ran and how it did.",
			Request: "ForecastRequest", Answer: "ForecastAnswer", Required: []string{},
			Example: `{"time_series":[100,120,115,130,125,140,135,150,145,160,155,170,165,180,175,190],"forecast_steps":5,"sequence_length":10}`,
		},
		{
			Method: "POST", Path: "/predict/revenue", Tag: "forecast", Summary: "Forecast revenue by date",
			Request: "RevenueRequest", Answer: "RevenueAnswer", Required: []string{"historical_data"},
			Example: `{"historical_data":[{"date":"2025-01-01","revenue":115},{"date":"2025-02-01","revenue":130},{"date":"2025-03-01","revenue":145},{"date":"2025-04-01","revenue":160},{"date":"2025-05-01","revenue":175},{"date":"2025-06-01","revenue":190}],"forecast_days":3}`,
		},
		{
			Method: "POST", Path: "/predict/backtest", Tag: "forecast", Summary: "How well each model would have forecast this series",
			Request: "BacktestRequest", Answer: "BacktestAnswer", Required: []string{"time_series"},
			Example: `{"time_series":[100,120,115,130,125,140,135,150,145,160,155,170,165,180,175,190],"horizon":3}`,
		},
		{
			Method: "POST", Path: "/predict/churn", Tag: "churn", Summary: "How likely a customer is to leave, and why",
			Request: "ChurnRequest", Answer: "ChurnAnswer", Required: []string{"user_id"},
			Example: `{"user_id":"u1","context":{"days_since_last_purchase":75,"purchase_count":3,"total_spent":120}}`,
		},
		{
			Method: "POST", Path: "/predict/churn/train", Tag: "churn", Summary: "Train the tenant's own churn model on labelled rows",
			Request: "ChurnTrainRequest", Answer: "ChurnTrainAnswer", Required: []string{"rows"}, Example: churnTrainExample,
		},
		{
			Method: "POST", Path: "/recommend/items", Tag: "recommend", Summary: "Add or replace items of the catalogue",
			Request: "RecommendItemsRequest", Answer: "RecommendItemsAnswer", Required: []string{"items"},
			Example: `{"items":[{"item_id":"cam-1","text":"mirrorless camera","category":"photo"},{"item_id":"tri-1","text":"carbon tripod","category":"photo"}]}`,
		},
		{Method: "GET", Path: "/recommend/items", Tag: "recommend", Summary: "The catalogue, a page at a time", Answer: "RecommendCatalogAnswer", Query: [][2]string{{"limit", "items a page"}, {"after", "the last item_id of the page before"}}},
		{
			Method: "POST", Path: "/recommend/items/delete", Tag: "recommend", Summary: "Remove items from the catalogue",
			Request: "RecommendDeleteRequest", Answer: "RecommendDeleteAnswer", Required: []string{"item_ids"}, Example: `{"item_ids":["tri-1"]}`,
		},
		{
			Method: "POST", Path: "/recommend/interactions", Tag: "recommend", Summary: "Record what users did; an event id counts once",
			Request: "RecommendInteractionsRequest", Answer: "RecommendInteractionsAnswer", Required: []string{"interactions"},
			Example: `{"interactions":[{"event_id":"e1","user_id":"u1","item_id":"cam-1","type":"view"}]}`,
		},
		{
			Method: "POST", Path: "/recommend/train", Tag: "recommend", Summary: "Learn from the interactions so far",
			Request: "RecommendTrainRequest", Answer: "RecommendTrainAnswer", Required: []string{}, Example: `{}`,
		},
		{
			Method: "POST", Path: "/recommend/products", Tag: "recommend", Summary: "What to show a user, with true reasons",
			Request: "RecommendProductsRequest", Answer: "RecommendAnswer", Required: []string{},
			Example: `{"user_id":"u1","context":{"recent_views":["cam-1"]},"limit":5}`,
		},
		{
			Method: "POST", Path: "/recommend/similar", Tag: "recommend", Summary: "Items like these",
			Request: "RecommendSimilarRequest", Answer: "RecommendAnswer", Required: []string{}, Example: `{"item_id":"cam-1","limit":5}`,
		},
		{
			Method: "POST", Path: "/anomaly/detect", Tag: "anomaly", Summary: "Unusual points, or changes of level, in a series",
			Request: "DetectRequest", Answer: "DetectAnswer", Required: []string{},
			Example: `{"series":[10,11,10,12,11,10,11,12,10,11,48,11,10,12,11,10,11,12,10,11]}`,
		},
		{
			Method: "POST", Path: "/anomaly/stream", Tag: "anomaly", Summary: "Points judged as they arrive",
			Notes:   "The worker keeps a state for each metric of the tenant, in bounded memory, so a call costs the same however long the stream is. A point with the metric and time of an earlier one gets that one's verdict again and is not counted twice: a call may be sent again.",
			Request: "StreamRequest", Answer: "StreamAnswer", Required: []string{"metrics"},
			Example: `{"metrics":[{"metric":"checkout.latency","value":120,"timestamp":"2026-11-01T08:00:00Z"},{"metric":"checkout.latency","value":118,"timestamp":"2026-11-01T08:01:00Z"}]}`,
		},
		{
			Method: "GET", Path: "/anomaly/streams", Tag: "anomaly", Summary: "The metrics that are followed", Answer: "StreamsAnswer",
		},
		{
			Method: "POST", Path: "/anomaly/streams/forget", Tag: "anomaly", Summary: "Follow metrics no longer",
			Request: "StreamForgetRequest", Answer: "StreamForgetAnswer", Required: []string{"metrics"}, Example: `{"metrics":["checkout.latency"]}`,
		},
		{
			Method: "POST", Path: "/anomaly/isolation-forest", Tag: "anomaly", Summary: "Unusual rows of a table",
			Notes:   "Scores follow Liu et al. (2008) with the conventions of scikit-learn: anomaly_scores lie in [-1, 0], lower is more unusual; predictions are 1 or -1.",
			Request: "IsolationForestRequest", Answer: "IsolationForestAnswer", Required: []string{"data"},
			Example: `{"data":[{"x":10,"y":20},{"x":12,"y":22},{"x":11,"y":21},{"x":13,"y":23},{"x":100,"y":200}],"contamination":0.2}`,
		},
		{
			Method: "POST", Path: "/sentiment/analyze", Tag: "sentiment", Summary: "The mood of a text, of its sentences, and what it is about",
			Request: "SentimentRequest", Answer: "SentimentAnswer", Required: []string{}, Example: `{"text":"I love how fast this app is, but the onboarding was confusing."}`,
		},
		{
			Method: "POST", Path: "/swarm/coordinate", Tag: "swarm", Summary: "Who does which task when: an ant colony's schedule, checked and bounded",
			Request: "SwarmRequest", Answer: "SwarmAnswer", Required: []string{"context"},
			Example: `{"goal":"finish early","context":{"tasks":[{"id":"a","duration":3},{"id":"b","duration":2,"depends_on":["a"]},{"id":"c","duration":4}],"workers":[{"id":"w1"},{"id":"w2","speed":2}]}}`,
		},
		{
			Method: "POST", Path: "/agents/register", Tag: "agents", Summary: "Register an agent in one of five roles",
			Request: "AgentRegisterRequest", Answer: "AgentRegisterAnswer", Required: []string{"agent_id", "role"}, Example: `{"agent_id":"medic","role":"healer","capabilities":["diagnose"]}`,
		},
		{
			Method: "POST", Path: "/agents/observe", Tag: "agents", Summary: "Let the agents analyse an observation and act",
			Request: "AgentObserveRequest", Answer: "AgentObserveAnswer", Required: []string{"observation"},
			Example: `{"observation":{"service":"checkout","error":"timeout connecting to db","error_rate":[0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.01,0.2,0.4]},"agent_roles":["healer"]}`,
		},
		{Method: "POST", Path: "/agents/{agent_id}/deregister", Tag: "agents", Summary: "Remove an agent and its memories", Answer: "AgentRemovedAnswer"},
		{Method: "DELETE", Path: "/agents/{agent_id}", Tag: "agents", Summary: "Remove an agent and its memories", Answer: "AgentRemovedAnswer"},
		{Method: "GET", Path: "/agents/status", Tag: "agents", Summary: "Your agents and what they remember", Answer: "AgentStatusAnswer"},
		{
			Method: "POST", Path: "/agi/process", Tag: "reasoning", Summary: "Understand a problem, plan with real tools, execute, answer",
			Notes:   "Without a language model configured, the offline planner answers from the platform's own capabilities, and 422 needs_llm where it would have to invent.",
			Request: "ReasonRequest", Answer: "ReasonAnswer", Required: []string{"problem"},
			Example: `{"problem":"Forecast the next 3 days and tell me whether anything is unusual","context":{"series":[100,102,104,106,150,110,112,114,116,118,120,122],"horizon":3},"reasoning_method":"react"}`,
		},
		{Method: "GET", Path: "/agi/reasoning/history", Tag: "reasoning", Summary: "How your last problems were reasoned about", Answer: "HistoryAnswer", Query: [][2]string{{"limit", "1 to 100; default 10"}}},
		{Method: "GET", Path: "/agi/execution/history", Tag: "reasoning", Summary: "What your last plans did", Answer: "HistoryAnswer", Query: [][2]string{{"limit", "1 to 100; default 10"}}},
		{
			Method: "POST", Path: "/vectors/upsert", Tag: "vectors", Summary: "Store texts so that they can be found by meaning",
			Request: "VectorsUpsertRequest", Answer: "VectorsUpsertAnswer", Required: []string{"items"}, Example: `{"items":[{"id":"q1","text":"How do I reset my password?"},{"id":"q2","text":"Where is my invoice?"}]}`,
		},
		{
			Method: "POST", Path: "/vectors/query", Tag: "vectors", Summary: "The stored texts nearest in meaning",
			Request: "VectorsQueryRequest", Answer: "VectorsQueryAnswer", Required: []string{"text"}, Example: `{"text":"I cannot log in","top_k":3}`,
		},
		{
			Method: "POST", Path: "/vectors/delete", Tag: "vectors", Summary: "Remove stored texts",
			Request: "VectorsDeleteRequest", Answer: "VectorsDeleteAnswer", Required: []string{"ids"}, Example: `{"ids":["q2"]}`,
		},
		{Method: "POST", Path: "/faiss/upsert", Tag: "vectors", Summary: "Another name of /vectors/upsert", Request: "VectorsUpsertRequest", Answer: "VectorsUpsertAnswer", Required: []string{"items"}, Example: `{"items":[{"id":"q3","text":"How do I change my address?"}]}`},
		{Method: "POST", Path: "/faiss/query", Tag: "vectors", Summary: "Another name of /vectors/query", Request: "VectorsQueryRequest", Answer: "VectorsQueryAnswer", Required: []string{"text"}, Example: `{"text":"I have moved","top_k":3}`},
		{Method: "GET", Path: "/models", Tag: "models", Summary: "Your trained models and their versions", Answer: "ModelsAnswer"},
		{
			Method: "POST", Path: "/models/train", Tag: "models", Summary: "Train a new version of a model, as a job",
			Request: "ModelTrainRequest", Answer: "ModelAnswer", Required: []string{"kind"}, Example: modelTrainExample,
		},
		{Method: "POST", Path: "/models/{name}/promote", Tag: "models", Summary: "Put a version into use", Request: "ModelPromoteRequest", Answer: "ModelAnswer", Required: []string{"version"}, Example: `{"version":1}`},
		{Method: "POST", Path: "/models/{name}/rollback", Tag: "models", Summary: "Go back to the version before", Request: "ModelRollbackRequest", Answer: "ModelAnswer", Required: []string{}, Example: `{}`},
	}
}
