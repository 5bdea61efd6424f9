package textnet

import (
	"fmt"
	"math"
)

const linearMagic = "OMNG"

// linear is a logistic regression over runs of one to three tokens, each
// hashed into one of 2^bits buckets and counted as there or not (after Wang &
// Manning, "Baselines and Bigrams", 2012). A text's weights are divided by the
// square root of how many buckets it touches.
type linear struct {
	bits  int
	scale float32
	bias  []float32 // [Classes]
	table string    // int8 [buckets][Classes], read in place
}

func newLinear(weights string) (*linear, error) {
	r := &reader{s: weights}
	if r.take(4) != linearMagic {
		return nil, fmt.Errorf("textnet: not a linear model")
	}
	if v := r.uint(); v != 1 {
		return nil, fmt.Errorf("textnet: linear model version %d, this code reads 1", v)
	}
	l := &linear{bits: r.uint()}
	if l.bits < 1 || l.bits > 26 {
		return nil, fmt.Errorf("textnet: a linear model of 2^%d buckets", l.bits)
	}
	if s := r.floats(1); len(s) == 1 {
		l.scale = s[0]
	}
	l.bias = r.floats(Classes)
	l.table = r.take(Classes << l.bits)
	if r.short || r.s != "" {
		return nil, fmt.Errorf("textnet: the linear model is cut short or too long")
	}
	return l, nil
}

// logits returns the scores of the classes for the first MaxTokens ids.
func (l *linear) logits(ids []int32) (out [Classes]float64) {
	seen := map[uint32]struct{}{}
	for h := range runs(ids[:min(len(ids), MaxTokens)]) {
		seen[l.bucket(h)] = struct{}{}
	}
	var sum [Classes]int
	for b := range seen {
		for c := range sum {
			sum[c] += int(int8(l.table[int(b)*Classes+c]))
		}
	}
	root := math.Sqrt(float64(max(1, len(seen))))
	for c := range out {
		out[c] = float64(l.bias[c]) + float64(l.scale)*float64(sum[c])/root
	}
	return out
}

func (l *linear) bucket(h uint32) uint32 {
	h = (h ^ h>>15) * 0x2C1B3C6D
	return (h ^ h>>12) >> (32 - l.bits)
}

// runs yields a hash for each run of one, two and three ids; training
// (models/sentiment/train/ngrams.py) computes the same.
func runs(ids []int32) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		for i := range ids {
			h := (uint32(ids[i]) + 1) * 0x9E3779B1
			if !yield(h) {
				return
			}
			if i+1 >= len(ids) {
				continue
			}
			h ^= (uint32(ids[i+1])+1)*0x85EBCA77 + 0x165667B1
			if !yield(h) {
				return
			}
			if i+2 >= len(ids) {
				continue
			}
			h ^= (uint32(ids[i+2])+1)*0xC2B2AE3D + 0x27D4EB2F
			if !yield(h) {
				return
			}
		}
	}
}
