package schedule

// Tidy gives each task that takes no time, where there is a choice, to a
// worker that is not fully taken at that moment. It costs nothing and changes
// no time; it only spares a reader a milestone in the middle of a busy
// worker's task.
func (in *Instance) Tidy(p *Plan) {
	for i := range p.Mode {
		if in.Modes[i][p.Mode[i]].Time > 0 || len(in.Modes[i]) == 1 {
			continue
		}
		load := in.loadAround(p, p.Start[i])
		free := func(mode int) bool {
			m := in.Modes[i][mode]
			return m.Time == 0 && load[m.Worker]+in.Demand[i] <= in.Capacity[m.Worker]
		}
		if free(p.Mode[i]) {
			continue
		}
		for mode := range in.Modes[i] {
			if free(mode) {
				p.Mode[i] = mode
				break
			}
		}
	}
}

// loadAround returns the units each worker has in progress strictly before and
// after a moment.
func (in *Instance) loadAround(p *Plan, moment float64) []int {
	load := make([]int, len(in.Capacity))
	for j := range p.Mode {
		if p.Start[j] < moment && moment < p.End[j] {
			load[in.Modes[j][p.Mode[j]].Worker] += in.Demand[j]
		}
	}
	return load
}
