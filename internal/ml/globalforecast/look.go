package globalforecast

// passWindows is how many windows a network reads at once: more gain nothing,
// and outgrow the second-level cache.
const passWindows = 48

// look is one reading of a batch of histories and the networks' mean answer.
type look struct {
	windows []window
	batch   []*window
	sum     []float32
}

// pass runs every network over the ends of the histories and leaves the mean
// of their answers in the first look. A series that has two seasons, as hours
// have days and weeks, is looked at with either, and the answers are averaged:
// the longer season's indices rest on fewer values each.
func (f *Frequency) pass(w *space, series []Series, histories [][]float64) {
	seasons := make([]Season, len(series))
	var second []Season
	var ends [][]float64
	var of []int
	for i, s := range series {
		seasons[i] = f.season(s.Period)
		if inner, ok := f.inner(seasons[i]); ok {
			second, ends, of = append(second, inner), append(ends, histories[i]), append(of, i)
		}
	}
	f.look(w, &w.looks[0], seasons, histories)
	if len(of) == 0 {
		return
	}
	f.look(w, &w.looks[1], second, ends)
	size := f.Horizon() * quantiles
	for k, i := range of {
		one, other := w.looks[0].windows[i].view, w.looks[1].windows[k].view
		if one.linear != other.linear {
			continue
		}
		to := w.looks[0].sum[i*size : (i+1)*size]
		for j, q := range w.looks[1].sum[k*size : (k+1)*size] {
			to[j] = (to[j] + float32(one.of(other.value(q)))) / 2
		}
	}
}

// inner returns a season of the recipe that the given one of the recipe is a
// multiple of.
func (f *Frequency) inner(s Season) (Season, bool) {
	for _, c := range f.Recipe.Seasons {
		if s.Share > 0 && c.Period > 1 && c.Period < s.Period && s.Period%c.Period == 0 {
			return c, true
		}
	}
	return Season{}, false
}

// look reads the histories' ends and lets every network answer.
func (f *Frequency) look(w *space, l *look, seasons []Season, histories [][]float64) {
	w.reader.shape = f.Recipe.Shape
	if more := len(histories) - len(l.windows); more > 0 {
		l.windows = append(l.windows, make([]window, more)...)
	}
	l.batch = l.batch[:0]
	for i, y := range histories {
		w.reader.read(&l.windows[i], y, seasons[i], f.Recipe.Smooth, false)
		l.batch = append(l.batch, &l.windows[i])
	}
	size := f.Horizon() * quantiles
	sized(&l.sum, len(histories)*size)
	clear(l.sum)
	for from := 0; from < len(l.batch); from += passWindows {
		part := l.batch[from:min(from+passWindows, len(l.batch))]
		sum := l.sum[from*size:]
		for _, n := range f.networks {
			for i, v := range n.forward(&w.workspace, part) {
				sum[i] += v / float32(len(f.networks))
			}
		}
	}
}
