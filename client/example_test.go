package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
)

// answering is a server in place of a gateway, so that the examples run
// anywhere. Against a real one, pass its URL to New.
func answering(status int, body string) *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
}

func ExampleClient_Forecast() {
	gateway := answering(200, `{"status":"success","model":"ets(AAdN)","forecast":[187.1,196.4],"confidence_intervals":[]}`)
	defer gateway.Close()

	c, err := client.New(gateway.URL, "demo-pro-key-67890")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	steps := 2
	answer, err := c.Forecast(ctx, &api.ForecastRequest{
		TimeSeries:    api.Values{100, 120, 115, 130, 125, 140, 135, 150, 145, 160, 155, 170, 165, 180, 175, 190},
		ForecastSteps: &steps,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Model, answer.Forecast)
	// Output: ets(AAdN) [187.1 196.4]
}

func ExampleError() {
	gateway := answering(422, `{"status":"error","error":"too_few_points","message":"time_series has 2 points","request_id":"r1"}`)
	defer gateway.Close()

	c, err := client.New(gateway.URL, "demo-pro-key-67890")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Forecast(context.Background(), &api.ForecastRequest{TimeSeries: api.Values{1, 2}})
	var refused *client.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Code, refused.RequestID)
	}
	// Output: 422 too_few_points r1
}

func ExampleClient_Wait() {
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusAccepted)
			_, _ = io.WriteString(w, `{"status":"accepted","job_id":"0193","location":"/jobs/0193"}`)
			return
		}
		_, _ = io.WriteString(w, `{"job_id":"0193","status":"succeeded","progress":1,"result":{"name":"churn","version":2,"promoted":true}}`)
	}))
	defer gateway.Close()

	c, err := client.New(gateway.URL, "demo-pro-key-67890")
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	job, err := c.TrainModel(ctx, &api.ModelTrainRequest{Kind: "churn"}, client.WithIdempotencyKey(client.NewIdempotencyKey()))
	if err != nil {
		fmt.Println(err)
		return
	}
	var model api.ModelAnswer
	if _, err := c.Wait(ctx, job.JobID, &model); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(model.Name, model.Version, model.Promoted)
	// Output: churn 2 true
}
