package api

// ForecastRequest is the body of POST /predict/revenue-lstm. Either TimeSeries
// or Series is given.
type ForecastRequest struct {
	Request
	// TimeSeries is the history, oldest first; null is a missing value.
	TimeSeries Values `json:"time_series,omitempty"`
	// ForecastSteps is how many values to forecast; default 30.
	ForecastSteps *int `json:"forecast_steps,omitempty"`
	// SequenceLength is how many past values the network trained on the series
	// reads. Given, it needs two values more; the default, 10, gives way to a
	// shorter series, of which 3 values are enough.
	SequenceLength *int `json:"sequence_length,omitempty"`
	// Timestamps date the history, one a value: RFC 3339 (the zone may be left
	// out) or YYYY-MM-DD. The forecast is dated in the same way.
	Timestamps []string `json:"timestamps,omitempty"`
	// LastTimestamp, with Freq, dates the forecast when Timestamps is absent.
	LastTimestamp string `json:"last_timestamp,omitempty"`
	// Freq is a frequency code: D, B, W, MS, M, QS, Q, YS, Y, h, min, s, with
	// an optional multiple ("15min"). Without it the timestamps tell; where they
	// have another step, the call is refused unless gaps is ignore.
	Freq string `json:"freq,omitempty"`
	// Level lists interval levels in percent; default 80 and 95.
	Level []float64 `json:"level,omitempty"`
	// Quantiles lists probabilities whose quantile forecasts to add.
	Quantiles []float64 `json:"quantiles,omitempty"`
	// Mode is auto, local or global; default auto.
	Mode string `json:"mode,omitempty"`
	// Epochs is the largest number of training passes; default 50.
	Epochs *int `json:"epochs,omitempty"`
	// LearningRate is the training step size; default 0.001.
	LearningRate *float64 `json:"learning_rate,omitempty"`
	// Seed makes the answer repeatable; default 0.
	Seed *int64 `json:"seed,omitempty"`
	// Impute fills missing values: none (refuse), linear, previous or zero.
	Impute string `json:"impute,omitempty"`
	// SeasonLength states the season instead of having it detected; 1 is none.
	SeasonLength *int `json:"season_length,omitempty"`
	// Gaps says what happens to dates that the timestamps leave out: linear
	// (default), previous or zero fill them in, refuse answers 422, ignore takes
	// the values as they come.
	Gaps string `json:"gaps,omitempty"`
	// Country (ISO 3166 alpha-2) gives its public holidays effects of their own
	// in daily series with dates.
	Country string `json:"country,omitempty"`
	// Exogenous holds other columns by name, each with one value for every
	// value of the series and one for every step forecast.
	Exogenous map[string]Values `json:"exogenous,omitempty"`
	// Explain adds the parts the history and the forecast are made of.
	Explain bool `json:"explain,omitempty"`
	// Series forecasts many series in one call, each with its own outcome.
	Series []ForecastSeries `json:"series,omitempty"`
	// Hierarchy names sums among Series: each key is the sum of the ids behind
	// it. A key without a series of its own is forecast too; the series of a key
	// must be the sum of its parts, but for rounding.
	Hierarchy map[string][]string `json:"hierarchy,omitempty"`
	// Reconcile makes the forecasts of a hierarchy add up: mint_shrink
	// (default), wls_struct or bottom_up.
	Reconcile string `json:"reconcile,omitempty"`
}

// ForecastSeries is one of many series of a call.
type ForecastSeries struct {
	ID            string   `json:"id"`
	TimeSeries    Values   `json:"time_series"`
	Timestamps    []string `json:"timestamps,omitempty"`
	LastTimestamp string   `json:"last_timestamp,omitempty"`
	Freq          string   `json:"freq,omitempty"`
	// Exogenous holds other columns by name, past values and known future ones.
	Exogenous map[string]Values `json:"exogenous,omitempty"`
}

// ForecastAnswer is the answer of POST /predict/revenue-lstm. For one series
// the result's fields stand at the top; for many, each has its own in Series,
// and Status is "partial" when some failed.
type ForecastAnswer struct {
	Answer
	*ForecastResult
	Series []SeriesForecast `json:"series,omitempty"`
	// Reconciliation says how the forecasts of a hierarchy were made to add up.
	Reconciliation *ForecastReconciliation `json:"reconciliation,omitempty"`
}

// ForecastReconciliation is what was done to a hierarchy's forecasts.
type ForecastReconciliation struct {
	// Method is mint_shrink, wls_struct or bottom_up.
	Method string `json:"method"`
	Reason string `json:"reason,omitempty"`
	// Bottom lists the series that are no sum, Sums those that are.
	Bottom []string `json:"bottom"`
	Sums   []string `json:"sums"`
	// Shrinkage is how far mint_shrink drew the errors' correlations to 0.
	Shrinkage *float64 `json:"shrinkage,omitempty"`
}

// ForecastResult is the forecast of one series.
type ForecastResult struct {
	// Model says what made the forecast: "lstm", "ets(AAdN)", "theta", or
	// "blend(...)".
	Model    string    `json:"model"`
	Forecast []float64 `json:"forecast"`
	// ConfidenceIntervals holds the widest asked level, step by step.
	ConfidenceIntervals []ConfidenceInterval `json:"confidence_intervals"`
	// Intervals maps "lo-80", "hi-80" and so on to one bound a step.
	Intervals map[string][]float64 `json:"intervals"`
	// Quantiles maps "0.1" and so on to one value a step.
	Quantiles  map[string][]float64 `json:"quantiles,omitempty"`
	Timestamps []string             `json:"timestamps,omitempty"`
	Training   ForecastTraining     `json:"training"`
	Backtest   ForecastBacktest     `json:"backtest"`
	Selection  ForecastSelection    `json:"selection"`
	// SeasonLength is the season used, 1 for none.
	SeasonLength int `json:"season_length"`
	// Weights is each answering model's share, Reason why they answered.
	Weights map[string]float64 `json:"weights"`
	Reason  string             `json:"reason"`
	// Exogenous says what the other columns contributed.
	Exogenous *ForecastExogenous `json:"exogenous,omitempty"`
	// Explanation holds the parts, when asked for.
	Explanation *ForecastExplanation `json:"explanation,omitempty"`
	// BaseForecast is the forecast before it was made to add up.
	BaseForecast []float64 `json:"base_forecast,omitempty"`
}

// ForecastExogenous is the regression on the other columns.
type ForecastExogenous struct {
	// Used says whether the regression took part: only where it lowered the
	// error of a back-test.
	Used   bool   `json:"used"`
	Reason string `json:"reason"`
	// Coefficients is what one unit of each column adds, by its name; columns
	// that do not vary have none.
	Coefficients map[string]float64 `json:"coefficients,omitempty"`
	// MASEWith and MASEWithout are the back-test errors that decided.
	MASEWith    *float64 `json:"mase_with,omitempty"`
	MASEWithout *float64 `json:"mase_without,omitempty"`
}

// ForecastExplanation splits the history and the forecast into parts.
type ForecastExplanation struct {
	// History is the newest values; they are trend + season + holiday +
	// exogenous + residual.
	History ForecastParts `json:"history"`
	// Forecast is trend + season + holiday + exogenous; it has no residual.
	Forecast ForecastParts `json:"forecast"`
	// Start is the index of the first value of History in the series.
	Start int `json:"start"`
	// Note says how the parts came about.
	Note string `json:"note"`
}

// ForecastParts holds one value a step for each part.
type ForecastParts struct {
	// Values are the parts' sum.
	Values  []float64 `json:"values"`
	Trend   []float64 `json:"trend"`
	Season  []float64 `json:"season"`
	Holiday []float64 `json:"holiday"`
	// Exogenous holds one list a column.
	Exogenous map[string][]float64 `json:"exogenous,omitempty"`
	Residual  []float64            `json:"residual,omitempty"`
}

// SeriesForecast is the outcome of one of many series.
type SeriesForecast struct {
	ID string `json:"id"`
	// Status is "success" or "error".
	Status string `json:"status"`
	*ForecastResult
	Warnings []string     `json:"warnings,omitempty"`
	Error    *SeriesError `json:"error,omitempty"`
}

// SeriesError is why one of many series has no forecast.
type SeriesError struct {
	Code    string   `json:"error"`
	Message string   `json:"message"`
	Details []Detail `json:"details,omitempty"`
}

// ConfidenceInterval is one step's interval.
type ConfidenceInterval struct {
	Lower      float64 `json:"lower"`
	Upper      float64 `json:"upper"`
	Prediction float64 `json:"prediction"`
}

// ForecastTraining is what training the network did.
type ForecastTraining struct {
	// FinalLoss is the mean training loss of the weights kept, on scaled data.
	FinalLoss float64 `json:"final_loss"`
	// ValidationLoss is the loss on held-out windows, when there were enough.
	ValidationLoss *float64 `json:"validation_loss,omitempty"`
	Epochs         int      `json:"epochs"`
	Seconds        float64  `json:"seconds"`
	// Stopped is "epochs" or "patience".
	Stopped string `json:"stopped,omitempty"`
	// Parameters is the number of weights.
	Parameters int `json:"parameters,omitempty"`
}

// ForecastBacktest is how the answering model did on held-out ends of the
// series. The measures are absent when the series is too short for any.
type ForecastBacktest struct {
	MASE  *float64 `json:"mase,omitempty"`
	SMAPE *float64 `json:"smape,omitempty"`
	MAE   *float64 `json:"mae,omitempty"`
	RMSE  *float64 `json:"rmse,omitempty"`
	// Coverage is the share of held-out values inside the interval of
	// CoverageLevel percent, each window judged by the others.
	Coverage      *float64 `json:"coverage,omitempty"`
	CoverageLevel float64  `json:"coverage_level,omitempty"`
	Windows       int      `json:"windows"`
	Horizon       int      `json:"horizon,omitempty"`
}

// ForecastSelection says which models ran and why one answered.
type ForecastSelection struct {
	Mode       string              `json:"mode"`
	Reason     string              `json:"reason"`
	Candidates []ForecastCandidate `json:"candidates"`
}

// ForecastCandidate is one contestant of a selection.
type ForecastCandidate struct {
	Model string `json:"model"`
	// MASE and SMAPE are absent when the model could not be back-tested.
	MASE  *float64 `json:"mase,omitempty"`
	SMAPE *float64 `json:"smape,omitempty"`
	// Weight is its share in the answer.
	Weight float64 `json:"weight"`
	// Problem says why it could not take part.
	Problem string `json:"problem,omitempty"`
}

// RevenueRequest is the body of POST /predict/revenue.
type RevenueRequest struct {
	Request
	HistoricalData []RevenuePoint `json:"historical_data"`
	// ForecastDays is how many periods of the history's own step to forecast;
	// default 30.
	ForecastDays *int `json:"forecast_days,omitempty"`
	// Country (ISO 3166 alpha-2) adds its public holidays to daily forecasts.
	Country string `json:"country,omitempty"`
	// Level is the interval's level in percent; default 95.
	Level *float64 `json:"level,omitempty"`
	Seed  *int64   `json:"seed,omitempty"`
}

// RevenuePoint is one period of history. A null or absent revenue is refused.
type RevenuePoint struct {
	Date    string   `json:"date"`
	Revenue *float64 `json:"revenue"`
}

// RevenueAnswer is the answer of POST /predict/revenue.
type RevenueAnswer struct {
	Answer
	Predictions []RevenuePrediction `json:"predictions"`
	// TotalPredicted is the sum of the predictions in their order.
	TotalPredicted float64 `json:"total_predicted"`
	// ConfidenceInterval holds the total's bounds.
	ConfidenceInterval [2]float64 `json:"confidence_interval"`
	Model              string     `json:"model"`
	DataPointsUsed     int        `json:"data_points_used"`
	// Freq is the detected step of the history.
	Freq         string            `json:"freq"`
	SeasonLength int               `json:"season_length"`
	Backtest     ForecastBacktest  `json:"backtest"`
	Selection    ForecastSelection `json:"selection"`
}

// RevenuePrediction is one predicted period.
type RevenuePrediction struct {
	Date             string  `json:"date"`
	PredictedRevenue float64 `json:"predicted_revenue"`
	LowerBound       float64 `json:"lower_bound"`
	UpperBound       float64 `json:"upper_bound"`
}

// BacktestRequest is the body of POST /predict/backtest.
type BacktestRequest struct {
	Request
	TimeSeries Values `json:"time_series"`
	// Horizon is how far each window forecasts; default 1.
	Horizon *int `json:"horizon,omitempty"`
	// Windows is how many origins to test; default 5.
	Windows *int `json:"windows,omitempty"`
	// Step is the distance between origins; default Horizon.
	Step *int `json:"step,omitempty"`
	// Models are some of naive, seasonal_naive, drift, theta, dynamic_theta,
	// damped_trend, ets, autoregression, croston, sba, tsb, lstm (as in mode
	// local), global_lstm (mode global), auto (mode auto, which competes and is
	// weighed anew at each origin); default all but auto.
	Models         []string `json:"models,omitempty"`
	SequenceLength *int     `json:"sequence_length,omitempty"`
	SeasonLength   *int     `json:"season_length,omitempty"`
	// Freq and Timestamps are as in ForecastRequest: they suggest the season and
	// name the networks, and gaps between the timestamps are filled.
	Freq         string   `json:"freq,omitempty"`
	Timestamps   []string `json:"timestamps,omitempty"`
	Epochs       *int     `json:"epochs,omitempty"`
	LearningRate *float64 `json:"learning_rate,omitempty"`
	Seed         *int64   `json:"seed,omitempty"`
	Impute       string   `json:"impute,omitempty"`
	// Gaps says what happens to dates that the timestamps leave out: linear
	// (default), previous or zero fill them in, and origins count what was
	// filled in too; refuse answers 422, ignore takes the values as they come.
	Gaps string `json:"gaps,omitempty"`
}

// BacktestAnswer is the answer of POST /predict/backtest.
type BacktestAnswer struct {
	Answer
	Horizon      int             `json:"horizon"`
	Step         int             `json:"step"`
	SeasonLength int             `json:"season_length"`
	Models       []BacktestModel `json:"models"`
	// Best is the model with the least MASE, "" when none could run.
	Best string `json:"best"`
}

// BacktestModel is one model's result.
type BacktestModel struct {
	Model string   `json:"model"`
	MASE  *float64 `json:"mase,omitempty"`
	SMAPE *float64 `json:"smape,omitempty"`
	MAE   *float64 `json:"mae,omitempty"`
	RMSE  *float64 `json:"rmse,omitempty"`
	// Coverage is of the 80 % interval.
	Coverage *float64         `json:"coverage,omitempty"`
	Windows  []BacktestWindow `json:"windows"`
	Problem  string           `json:"problem,omitempty"`
}

// BacktestWindow is one origin: the first Origin values were known.
type BacktestWindow struct {
	Origin   int       `json:"origin"`
	Actual   []float64 `json:"actual"`
	Forecast []float64 `json:"forecast"`
}

// ForecastModelSpec is what POST /models/train reads for kind "forecast".
type ForecastModelSpec struct {
	Series []ForecastSeries `json:"series"`
	// Base is "shipped" to adapt the shipped networks to the series, or "none"
	// to train a network from nothing. The default is "shipped", and "none"
	// where sequence_length, hidden or layers is given.
	Base string `json:"base,omitempty"`
	// SequenceLength is how many past values the network reads; default 24,
	// or less when the series are shorter.
	SequenceLength *int     `json:"sequence_length,omitempty"`
	Hidden         *int     `json:"hidden,omitempty"`
	Layers         *int     `json:"layers,omitempty"`
	Epochs         *int     `json:"epochs,omitempty"`
	LearningRate   *float64 `json:"learning_rate,omitempty"`
	Seed           *int64   `json:"seed,omitempty"`
	Impute         string   `json:"impute,omitempty"`
}

// AdaptedForecast is what adapting the shipped networks of one frequency, or
// training one from nothing, brought, as the mean absolute error over the mean
// step of each series (MASE) on their held-out ends.
type AdaptedForecast struct {
	Frequency string  `json:"frequency"`
	Series    int     `json:"series"`
	Incumbent float64 `json:"incumbent_mase"`
	MASE      float64 `json:"mase"`
}

// ForecastModelMeta describes a trained tenant model.
type ForecastModelMeta struct {
	// Base is "shipped" for the shipped networks and those adapted from them,
	// "none" for a network trained from nothing.
	Base string `json:"base,omitempty"`
	// Adapted are the frequencies whose networks were adapted; for a network
	// trained from nothing, one entry of frequency "any".
	Adapted []AdaptedForecast `json:"adapted,omitempty"`
	// Better says that the new model's error on the held-out ends of the series
	// is below that of the one in use; without it nothing is promoted unless
	// asked.
	Better         *bool    `json:"better_than_incumbent,omitempty"`
	Series         int      `json:"series"`
	Points         int      `json:"points"`
	SequenceLength int      `json:"sequence_length"`
	Hidden         int      `json:"hidden"`
	Layers         int      `json:"layers"`
	Parameters     int      `json:"parameters"`
	Epochs         int      `json:"epochs"`
	FinalLoss      float64  `json:"final_loss"`
	ValidationLoss *float64 `json:"validation_loss,omitempty"`
	Seconds        float64  `json:"seconds"`
	Warnings       []string `json:"warnings,omitempty"`
}
