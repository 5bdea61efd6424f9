package webhook_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omni-run/omni/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The vector stands in the specification and in its reference libraries
// (standard-webhooks/standard-webhooks, libraries/*, "sign function works").
func TestSignature(t *testing.T) {
	t.Parallel()
	secret, err := webhook.ParseSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := webhook.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`), secret)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	secret, other := webhook.NewSecret(), webhook.NewSecret()
	if back, err := webhook.ParseSecret(secret.String()); err != nil || string(back) != string(secret) || !strings.HasPrefix(secret.String(), "whsec_") {
		t.Fatal(back, err)
	}
	now, payload := time.Unix(1_700_000_000, 0), []byte(`{"a":1}`)
	header := func(id, stamp, signature string) http.Header {
		h := http.Header{}
		h.Set(webhook.HeaderID, id)
		h.Set(webhook.HeaderTimestamp, stamp)
		h.Set(webhook.HeaderSignature, signature)
		return h
	}
	good := webhook.Sign("m", now, payload, secret)
	for name, c := range map[string]struct {
		h       http.Header
		payload string
		at      time.Time
		want    error
	}{
		"good":               {header("m", "1700000000", good), `{"a":1}`, now, nil},
		"one of several":     {header("m", "1700000000", webhook.Sign("m", now, payload, other, secret)), `{"a":1}`, now, nil},
		"of another version": {header("m", "1700000000", "v1a,xyz "+good), `{"a":1}`, now, nil},
		"another secret":     {header("m", "1700000000", webhook.Sign("m", now, payload, other)), `{"a":1}`, now, webhook.ErrNoSignature},
		"another payload":    {header("m", "1700000000", good), `{"a":2}`, now, webhook.ErrNoSignature},
		"another id":         {header("n", "1700000000", good), `{"a":1}`, now, webhook.ErrNoSignature},
		"another time":       {header("m", "1700000001", good), `{"a":1}`, now, webhook.ErrNoSignature},
		"no id":              {header("", "1700000000", good), `{"a":1}`, now, webhook.ErrNoSignature},
		"no time":            {header("m", "soon", good), `{"a":1}`, now, webhook.ErrNoSignature},
		"nothing":            {http.Header{}, `{"a":1}`, now, webhook.ErrNoSignature},
		"old":                {header("m", "1700000000", good), `{"a":1}`, now.Add(6 * time.Minute), webhook.ErrTooOld},
		"of the future":      {header("m", "1700000000", good), `{"a":1}`, now.Add(-6 * time.Minute), webhook.ErrTooOld},
	} {
		if err := webhook.Verify(c.h, []byte(c.payload), secret, c.at); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bad := range []string{"", "whsec_", "whsec_!!!", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)), "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		if _, err := webhook.ParseSecret(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	g := webhook.Guard{Allow: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}}
	for addr, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "10.1.2.3": true, "::ffff:8.8.8.8": true,
		"127.0.0.1": false, "0.0.0.0": false, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "169.254.169.254": false, "100.64.0.1": false,
		"100.100.100.200": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "198.18.0.1": false, "192.0.2.1": false,
		"::": false, "::1": false, "::ffff:127.0.0.1": false, "::ffff:169.254.169.254": false, "::127.0.0.1": false, "fe80::1": false, "fe80::1%eth0": false,
		"fc00::1": false, "fd00:ec2::254": false, "ff02::1": false, "64:ff9b::a9fe:a9fe": false, "2002:7f00:1::": false, "2001:db8::1": false, "fec0::1": false,
	} {
		if got := g.Permits(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %v", addr, got)
		}
	}
	for url, good := range map[string]bool{
		"https://example.com/hook?x=1": true, "https://example.com:8443/": true, "https://8.8.8.8/": true, "https://10.1.0.1/": true,
		"http://example.com/": false, "https://127.0.0.1/": false, "https://[::1]/": false, "https://[::ffff:10.0.0.1]/": false, "https://localhost/": false,
		"https://a.LOCALHOST./": false, "https://user@example.com/": false, "https://example.com/#x": false, "https:///x": false, "https:example.com": false,
		"file:///etc/passwd": false, "": false, "https://exa mple.com/": false, "https://example.com/" + strings.Repeat("a", 2048): false, "gopher://example.com": false,
	} {
		if fault := g.Check(url); (fault == "") != good {
			t.Errorf("%s: %q", url, fault)
		}
	}
}

// The address that is dialled counts, not the name: "localhost" by any name
// is refused after it is resolved, and no redirect leads there.
func TestSendReachesNothingOfThePlatform(t *testing.T) {
	t.Parallel()
	reached := make(chan struct{}, 8)
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	defer inside.Close()
	port := inside.URL[strings.LastIndex(inside.URL, ":"):]
	c := webhook.Guard{AllowHTTP: true}.Client(10 * time.Second)
	defer c.CloseIdleConnections()
	for _, url := range []string{inside.URL, "http://localhost" + port, "http://[::ffff:127.0.0.1]" + port, "http://0.0.0.0" + port, "http://0x7f000001" + port, "http://2130706433" + port} {
		_, err := webhook.Send(t.Context(), c, webhook.Message{URL: url, ID: "m", Payload: []byte(`{}`), Secrets: []webhook.Secret{webhook.NewSecret()}}, time.Now())
		var failure *webhook.SendError
		if !errors.As(err, &failure) || strings.Contains(failure.Problem, "127.") {
			t.Errorf("%s: %v", url, err)
		}
	}
	outside := httptest.NewServer(http.RedirectHandler(inside.URL, http.StatusTemporaryRedirect))
	defer outside.Close()
	loop := webhook.Guard{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.Client(10 * time.Second)
	defer loop.CloseIdleConnections()
	if status, err := webhook.Send(t.Context(), loop, webhook.Message{URL: outside.URL, ID: "m", Payload: []byte(`{}`)}, time.Now()); status != 307 || err == nil {
		t.Errorf("a redirect: %d %v", status, err)
	}
	if len(reached) != 0 {
		t.Error("a server of the platform was reached")
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	s := webhook.NewSecret()
	verdict := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // first: a server looks whether its caller is gone only after that
		switch r.URL.Path {
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/hang":
			<-r.Context().Done()
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat("x", 1<<16)); err != nil {
					return
				}
			}
		default:
			verdict <- webhook.Verify(r.Header, body, s, time.Now())
		}
	}))
	defer server.Close()
	c := webhook.Guard{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}.Client(time.Minute)
	defer c.CloseIdleConnections()
	send := func(ctx context.Context, path string) (int, error) {
		return webhook.Send(ctx, c, webhook.Message{URL: server.URL + path, ID: "m", Payload: []byte(`{}`), Secrets: []webhook.Secret{s}}, time.Now())
	}
	if status, err := send(t.Context(), "/"); err != nil || status != 200 {
		t.Errorf("%d %v", status, err)
	}
	if err := <-verdict; err != nil {
		t.Errorf("the receiver: %v", err)
	}
	if status, err := send(t.Context(), "/endless"); err != nil || status != 200 {
		t.Errorf("an endless answer: %d %v", status, err)
	}
	var failure *webhook.SendError
	if _, err := send(t.Context(), "/gone"); !errors.As(err, &failure) || !failure.Gone {
		t.Errorf("410: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := send(ctx, "/hang"); !errors.As(err, &failure) || !strings.Contains(failure.Problem, "in time") {
		t.Errorf("no answer: %v", err)
	}
}
