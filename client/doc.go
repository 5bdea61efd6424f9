// Package client calls an Omni gateway: one method per path, typed requests
// and answers from package api, contexts everywhere, typed errors, and retries
// only where they cannot do harm.
//
//	c, err := client.New("http://127.0.0.1:8080", os.Getenv("OMNI_API_KEY"))
//	answer, err := c.Forecast(ctx, &api.ForecastRequest{TimeSeries: sales})
//
// A call that the gateway refuses, or that never reached it, is tried again up
// to the number of times New was given, honouring Retry-After. Calls that may
// have run are only tried again when running twice does no harm: GET, and any
// call with [WithIdempotencyKey].
package client
