package observe

import (
	"os"
	"runtime"
)

// collectorSlack is how much more the heap grows before it is collected, twice
// over: see EaseCollector.
const collectorSlack = 16 << 20

// EaseCollector makes the garbage collector run less often in a process whose
// live heap is a few megabytes: by default it would run each time that much
// has been allocated, hundreds of times a second under load. It does so with a
// block that is never touched, which takes address space and no memory: the
// heap may grow by 32 MiB more before a collection, and not in proportion, as
// it would with a higher GOGC, so that a gateway that holds 256 MiB of bodies
// does not take a gigabyte for it. Nothing is changed when GOGC is set in the
// environment. The block lives until the returned function is called.
func EaseCollector() (end func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	block := make([]byte, collectorSlack)
	return func() { runtime.KeepAlive(block) }
}
