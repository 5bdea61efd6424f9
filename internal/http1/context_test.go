package http1

import (
	"context"
	"testing"
	"time"
)

func TestWatchedContext(t *testing.T) {
	t.Parallel()
	c := &callContext{base: context.Background()}
	ran := make(chan int, 4)
	functions := make([]func(), 4)
	for i := range functions {
		functions[i] = func() { ran <- i }
		if i < 3 {
			c.Watch(&functions[i])
		}
	}
	if !c.Forget(&functions[1]) || c.Forget(&functions[1]) {
		t.Error("a function is forgotten once")
	}
	c.cancel()
	c.Watch(&functions[3]) // at once
	seen := map[int]bool{}
	for range 3 {
		select {
		case i := <-ran:
			seen[i] = true
		case <-time.After(10 * time.Second):
			t.Fatal("a function was not called")
		}
	}
	if seen[1] || len(seen) != 3 {
		t.Errorf("called: %v", seen)
	}
	if c.Forget(&functions[0]) {
		t.Error("what has been called cannot be kept from it")
	}
}
