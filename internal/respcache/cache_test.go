package respcache_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/respcache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func answer(t interface{ Fatalf(string, ...any) }, text string) *respcache.Answer {
	a, ok := respcache.NewAnswer(http.Header{}, []byte(fmt.Sprintf(`{"request_id":"r1","text":%q}`, text)), "r1", "v1", time.Time{})
	if !ok {
		t.Fatalf("not prepared")
	}
	return a
}

func key(parts ...string) respcache.Key {
	list := make([][]byte, len(parts))
	for i, p := range parts {
		list[i] = []byte(p)
	}
	return respcache.NewKey(list...)
}

func TestAnswersBearTheIdentityOfTheirRequest(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"request_id":"r1","a":1}`:                                     `{"request_id":"another","a":1}`,
		"{\"a\":{\"request_id\":\"r1\"},\n \"request_id\" : \"r1\" }\n": "{\"a\":{\"request_id\":\"r1\"},\n \"request_id\" : \"another\" }\n",
		`{"a":1}`:                               "",
		`{"request_id":"r2"}`:                   "",
		`{"request_id":"r1","request_id":"r1"}`: "",
		`{"a":{"request_id":"r1"}}`:             "",
		`["request_id","r1"]`:                   "",
		`{"request_id":"r1"`:                    "",
		`{"request_id":"\u00721"}`:              "",
		``:                                      "",
	} {
		a, ok := respcache.NewAnswer(nil, []byte(body), "r1", "v", time.Time{})
		if ok != (want != "") {
			t.Errorf("%s: prepared: %v", body, ok)
			continue
		}
		if ok && string(a.Body("another")) != want {
			t.Errorf("%s: %s", body, a.Body("another"))
		}
	}
}

func TestAnswersEnd(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	c := respcache.New(respcache.Options{MaxBytes: 1 << 20, TenantBytes: 1 << 20, Now: func() time.Time { return now }})
	c.Put(key("k"), "a", answer(t, "x"), time.Minute)
	if a, left := c.Get(key("k")); a == nil || left != time.Minute {
		t.Fatalf("%v %v", a, left)
	}
	now = now.Add(time.Minute)
	if a, _ := c.Get(key("k")); a != nil {
		t.Fatal("given after its time")
	}
	if s := c.Stats(); s.Entries != 0 || s.Bytes != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestKeysOfDifferentPartsDiffer(t *testing.T) {
	t.Parallel()
	seen := map[respcache.Key][]string{}
	for _, parts := range [][]string{{}, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"ab", ""}, {"", "ab"}, {"b", "a"}} {
		if other, taken := seen[key(parts...)]; taken {
			t.Errorf("%q and %q", parts, other)
		}
		seen[key(parts...)] = parts
	}
}

// Whatever is put in, the bounds hold, and nobody is given what was stored
// under another key.
func TestBounds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const most, share = 20_000, 8_000
		c := respcache.New(respcache.Options{MaxBytes: most, TenantBytes: share, Now: func() time.Time { return time.Unix(0, 0) }})
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			tenant, name := fmt.Sprint("t", rapid.IntRange(0, 4).Draw(t, "tenant")), fmt.Sprint(rapid.IntRange(0, 9).Draw(t, "name"))
			k := key(tenant, name)
			if rapid.Bool().Draw(t, "put") {
				c.Put(k, tenant, answer(t, tenant+"/"+name+strings.Repeat("x", rapid.IntRange(0, 9000).Draw(t, "size"))), time.Hour)
			} else if a, _ := c.Get(k); a != nil && !strings.Contains(string(a.Body("q")), tenant+"/"+name) {
				t.Fatalf("%s of %s gave %s", name, tenant, a.Body("q"))
			}
			if s := c.Stats(); s.Bytes > most || s.Bytes < 0 || (s.Entries == 0) != (s.Bytes == 0) {
				t.Fatalf("%+v", s)
			}
		}
	})
}

func TestOneTenantDoesNotDriveOutOthers(t *testing.T) {
	t.Parallel()
	c := respcache.New(respcache.Options{MaxBytes: 100_000, TenantBytes: 50_000, Now: time.Now})
	c.Put(key("quiet"), "quiet", answer(t, "x"), time.Hour)
	for i := range 1000 {
		c.Put(key("loud", fmt.Sprint(i)), "loud", answer(t, "x"), time.Hour)
	}
	if a, _ := c.Get(key("quiet")); a == nil {
		t.Error("the quiet tenant's answer is gone")
	}
	if a, _ := c.Get(key("loud", "999")); a == nil {
		t.Error("the newest answer is gone")
	}
	if c.Stats().Evicted == 0 {
		t.Error("nothing was evicted")
	}
}

// Many who ask the same: one leads, all others are given its answer.
func TestFlights(t *testing.T) {
	t.Parallel()
	c := respcache.New(respcache.Options{Now: time.Now})
	want := answer(t, "x")
	lead, _, err := c.Join(t.Context(), key("k"))
	if err != nil || lead == nil {
		t.Fatal(lead, err)
	}
	var wg sync.WaitGroup
	var shared atomic.Int64
	for range 50 {
		wg.Go(func() {
			f, a, err := c.Join(t.Context(), key("k"))
			switch {
			case err != nil:
				t.Error(err)
			case f != nil: // it came after the landing
				f.Land(respcache.Landing{Answer: want})
			case a.Answer == want:
				shared.Add(1)
			default:
				t.Errorf("given %v", a)
			}
		})
	}
	if other, _, _ := c.Join(t.Context(), key("other")); other == nil {
		t.Error("another question waits")
	} else {
		other.Land(respcache.Landing{})
	}
	lead.Land(respcache.Landing{Answer: want, Cold: true})
	lead.GiveUp() // too late to count
	wg.Wait()
}

// A leader that gives up is followed by another, until one lands.
func TestLeadersGiveUp(t *testing.T) {
	t.Parallel()
	c := respcache.New(respcache.Options{Now: time.Now})
	want := answer(t, "x")
	var wg sync.WaitGroup
	var led, given atomic.Int64
	for range 20 {
		wg.Go(func() {
			f, a, err := c.Join(t.Context(), key("k"))
			switch {
			case err != nil:
				t.Error(err)
			case f != nil && led.Add(1) < 5:
				f.GiveUp()
			case f != nil:
				f.Land(respcache.Landing{Answer: want})
			case a.Answer == want:
				given.Add(1)
			default:
				t.Error("given nothing")
			}
		})
	}
	wg.Wait()
	if led.Load()+given.Load() != 20 {
		t.Errorf("%d led, %d were given the answer", led.Load(), given.Load())
	}
}

func TestWaitingEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	c := respcache.New(respcache.Options{Now: time.Now})
	lead, _, _ := c.Join(t.Context(), key("k"))
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(gone)
	if _, _, err := c.Join(ctx, key("k")); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	lead.Land(respcache.Landing{})
}

func TestResize(t *testing.T) {
	t.Parallel()
	c := respcache.New(respcache.Options{MaxBytes: 1 << 20, TenantBytes: 1 << 20, Now: time.Now})
	for i := range 10 {
		for _, tenant := range []string{"a", "b"} {
			c.Put(key(tenant, fmt.Sprint(i)), tenant, answer(t, "x"), time.Hour)
		}
	}
	whole := c.Stats()
	c.Resize(whole.Bytes/2, whole.Bytes/2)
	if half := c.Stats(); half.Bytes > whole.Bytes/2 || half.Entries == 0 {
		t.Errorf("half of %+v is %+v", whole, half)
	}
	if a, _ := c.Get(key("b", "9")); a == nil {
		t.Error("what was used last is gone")
	}
	c.Resize(0, 0)
	c.Put(key("c"), "c", answer(t, "x"), time.Hour)
	if none := c.Stats(); none.Entries != 0 || none.Bytes != 0 {
		t.Errorf("a cache of no size holds %+v", none)
	}
	c.Resize(1<<20, 1<<20)
	c.Put(key("c"), "c", answer(t, "x"), time.Hour)
	if c.Stats().Entries != 1 {
		t.Error("it takes nothing after it was grown again")
	}
}
