//go:build !goexperiment.simd || !amd64 || go1.27

package f32

// paths lists the implementations this program can run, fastest first.
func paths() []*path { return []*path{&plain} }
