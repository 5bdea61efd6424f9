package stream

import "fmt"

// Config says how a detector remembers. All of it is in points, so that a
// series of seconds and one of days are treated alike.
type Config struct {
	// Fading is how many points without news a record needs to fall to 1/e of
	// its height: 1 to 1e9, default 30,000. Longer means fewer alarms.
	Fading float64
	// Raise is how much of an event's excess over a record, in logarithms, the
	// record takes over: 0 to 1, default 0.25. At 1 an anomaly is news only if
	// it beats all before it, at 0 every one that beats the ordinary is.
	Raise float64
	// Event is for how many points after its last excess an event lasts: 1 to
	// 1e9, default 100.
	Event int64
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{Fading: 30000, Raise: 0.25, Event: 100} }

func (c Config) validate() error {
	const most = 1e9
	switch {
	case !(c.Fading >= 1 && c.Fading <= most):
		return fmt.Errorf("fading %v, want 1 to %g points", c.Fading, most)
	case !(c.Raise >= 0 && c.Raise <= 1):
		return fmt.Errorf("raise %v, want 0 to 1", c.Raise)
	case c.Event < 1 || c.Event > most:
		return fmt.Errorf("event %v, want 1 to %g points", c.Event, most)
	}
	return nil
}
