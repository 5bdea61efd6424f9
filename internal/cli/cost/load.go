package cost

import "fmt"

// Load is what a month brings.
type Load struct {
	// Requests a month.
	Requests float64
	// Milliseconds a worker computes for one request.
	Milliseconds float64
	// GatewayMilliseconds is what the gateway is busy beyond the worker's time,
	// the network included.
	GatewayMilliseconds float64
	// InFlight is how many requests share one Cloud Run instance on average
	// while it has any: 1 is the worst case, requests that never overlap.
	InFlight float64
	// AnswerKB is the size of an answer and its request together, in KB.
	AnswerKB float64
	// Warm is how many instances of each half Cloud Run keeps warm.
	Warm float64
	// Credit says that this is the billing account's only GKE cluster.
	Credit bool
}

// DefaultLoad is what `omni cost` assumes of what it is not told.
func DefaultLoad() Load {
	return Load{Requests: 1e6, Milliseconds: 50, GatewayMilliseconds: 10, InFlight: 1, AnswerKB: 4, Credit: true}
}

// Validate says what about the load cannot be.
func (l Load) Validate() error {
	for _, f := range []struct {
		name     string
		v        float64
		low, top float64
	}{
		{"requests", l.Requests, 0, 1e13},
		{"ms", l.Milliseconds, 0, 3.6e6},
		{"gateway-ms", l.GatewayMilliseconds, 0, 3.6e6},
		{"in-flight", l.InFlight, 1, 1000},
		{"kb", l.AnswerKB, 0, 1e6},
		{"warm", l.Warm, 0, 1000},
	} {
		if !(f.v >= f.low && f.v <= f.top) {
			return fmt.Errorf("%s is %g; it takes %g to %g", f.name, f.v, f.low, f.top)
		}
	}
	return nil
}

// workerSeconds and gatewaySeconds are the busy seconds of a month. The gateway
// is billed too while it waits for the worker.
func (l Load) workerSeconds() float64 { return l.Requests * l.Milliseconds / 1000 }

func (l Load) gatewaySeconds() float64 {
	return l.workerSeconds() + l.Requests*l.GatewayMilliseconds/1000
}
func (l Load) gib() float64 { return l.Requests * l.AnswerKB / (1 << 20) }
