package schedule

// Assignment is one task of a finished schedule, by names.
type Assignment struct {
	Task, Worker string
	Start, End   float64
}

// Assignments spells a plan out in names, ordered by start.
func (in *Instance) Assignments(p *Plan) []Assignment {
	list := make([]Assignment, 0, len(p.Mode))
	for _, i := range in.Order(p, nil) {
		list = append(list, Assignment{
			Task:   in.Problem.Tasks[i].ID,
			Worker: in.Problem.Workers[in.Modes[i][p.Mode[i]].Worker].ID,
			Start:  p.Start[i], End: p.End[i],
		})
	}
	return list
}
