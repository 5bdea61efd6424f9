package stream

import "math"

const (
	hoursOfWeek = 7 * 24
	// hourMemory is how many points an hour of the week's mean forgets over.
	hourMemory = 30
	// lately is the share of the newest deviation from the season in the
	// smoothed one.
	lately      = 0.2
	spreadWidth = 4
	levelWidth  = 16
)

// state is everything a detector remembers except the window of values.
type state struct {
	Config
	Seen    int64   // values so far
	Scale   float64 // greatest magnitude
	Off     float64 // smoothed deviation from the season
	Told    told
	Records [features]record
	Recent  [2 * levelWidth]float64 // a ring: value k is at k modulo its length
	Hours   [hoursOfWeek]hourly
}

// hourly is the running mean of an hour of the week.
type hourly struct {
	Mean, Count float64
}

// errors lets the features see the value and returns how much it surprises
// each.
func (d *Detector) errors(hour int, value float64) (e [features]float64) {
	if d.Seen > 0 {
		e[Value] = d.values.distance(value)
	}
	d.values.push(value)

	h, off := &d.Hours[hour], 0.0
	if h.Count > 0 {
		off = value - h.Mean
	}
	h.Count = min(h.Count+1, hourMemory)
	h.Mean += (value - h.Mean) / h.Count
	d.Off += lately * (off - d.Off)
	e[Season] = math.Abs(d.Off)

	d.Recent[d.Seen%int64(len(d.Recent))] = value
	if d.Seen >= 3*spreadWidth {
		e[Spread] = math.Abs(d.deviation(spreadWidth, 0) - d.deviation(spreadWidth, spreadWidth))
	}
	if d.Seen >= 3*levelWidth {
		e[Level] = math.Abs(d.nowMean(levelWidth, 0) - d.nowMean(levelWidth, levelWidth))
	}
	return e
}

// mean is of the n values before the next one, back values further back.
func (d *Detector) mean(n, back int) float64 {
	var sum float64
	for k := range n {
		sum += d.Recent[(d.Seen-1-int64(back+k))%int64(len(d.Recent))]
	}
	return sum / float64(n)
}

// nowMean is mean while the newest value is in the ring but not yet counted.
func (d *Detector) nowMean(n, back int) float64 { return d.mean(n, back-1) }

// deviation is the standard deviation of the values nowMean averages.
func (d *Detector) deviation(n, back int) float64 {
	mean, sum := d.nowMean(n, back), 0.0
	for k := range n {
		x := d.Recent[(d.Seen-int64(back+k))%int64(len(d.Recent))] - mean
		sum += x * x
	}
	return math.Sqrt(sum / float64(n))
}
