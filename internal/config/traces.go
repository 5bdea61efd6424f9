package config

import "net/url"

func (t Traces) validate(v *faults) {
	if t.Endpoint != "" {
		if u, err := url.Parse(t.Endpoint); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil {
			v.say("traces.endpoint must be a URL such as http://127.0.0.1:4318, without credentials in it")
		}
	}
	if !(t.Sample > 0 && t.Sample <= 1) {
		v.say("traces.sample = %g, must be above 0 and at most 1", t.Sample)
	}
}
