package plot

import "gonum.org/v1/plot"

// DateTicks are the ticks of an axis of dates.
func DateTicks(low, high float64) []plot.Tick { return calendar{}.Ticks(low, high) }
