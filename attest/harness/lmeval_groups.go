package harness

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// groups compares what is published of a group with its tasks. Tasks count by size, or
// each alike: the file does not say which.
func (l *lmevalReader) groups() {
	for _, r := range l.runs {
		if !l.isGroup(r.Board) {
			continue
		}
		leaves, ok := l.leaves(r.Board, 0)
		if !ok {
			r.Absent = append(r.Absent, "results of all tasks of the group")
			continue
		}
		for i := range r.Aggregates {
			if r.Aggregates[i].Of == "" {
				l.group(r, i, leaves)
			}
		}
		l.groupItems(r, leaves)
	}
}

// leaves are the tasks of a group and of the groups in it.
func (l *lmevalReader) leaves(group string, depth int) (all []*lmevalTask, ok bool) {
	const most = 10_000
	for _, part := range l.parts[group].elements() {
		name, _ := part.text()
		t := l.byTask[name]
		switch {
		case l.isGroup(name) && depth >= 10:
			return nil, false
		case l.isGroup(name):
			more, ok := l.leaves(name, depth+1)
			if !ok {
				return nil, false
			}
			all = append(all, more...)
		case t == nil || len(t.run.Aggregates) == 0:
			return nil, false
		default:
			all = append(all, t)
		}
		if len(all) > most {
			return nil, false
		}
	}
	return all, len(all) > 0
}

func (l *lmevalReader) isGroup(task string) bool { return len(l.parts[task].elements()) > 0 }

func (l *lmevalReader) group(r *Run, at int, leaves []*lmevalTask) {
	g := r.Aggregates[at]
	published, err := strconv.ParseFloat(g.Value, 64)
	if err != nil {
		return
	}
	var macro, micro float64
	items := 0
	for _, t := range leaves {
		i := slices.IndexFunc(t.run.Aggregates, func(a Aggregate) bool { return a.Name == g.Name })
		if i < 0 || t.effective == 0 {
			return // other metrics than the tasks'
		}
		x, err := strconv.ParseFloat(t.run.Aggregates[i].Value, 64)
		if err != nil {
			return
		}
		macro += x / float64(len(leaves))
		micro += x * float64(t.effective)
		items += t.effective
	}
	micro /= float64(items)
	recomputable := !slices.ContainsFunc(leaves, func(t *lmevalTask) bool { return slices.Index(t.run.Measures, g.Name) < 0 || t.run.Items.Len() == 0 })
	switch {
	case !recomputable:
	case near(published, micro):
		r.Aggregates[at].Rule = Mean
	case near(published, macro):
		r.Aggregates[at].Rule = MacroMean
	case !near(published, l.ofParts(r.Board, g.Name)):
		r.Aggregates[at].Rule = Mean
	}
	if r.Metrics[at] = r.Aggregates[at].Metric; r.Metrics[at].Rule != Unknown {
		r.Measures = append(r.Measures, g.Name)
		return
	}
	if near(published, micro) || near(published, macro) || near(published, l.ofParts(r.Board, g.Name)) {
		return
	}
	r.Notices = append(r.Notices, Notice{
		Finding: "aggregate-differs", File: l.file, Line: g.Line,
		Detail: fmt.Sprintf("%s is published as %s; of its %d tasks' numbers the mean is %s by their sizes and %s if each counts alike",
			g.Name, g.Value, len(leaves), strconv.FormatFloat(micro, 'g', 6, 64), strconv.FormatFloat(macro, 'g', 6, 64)),
	})
}

// groupItems gives a group the items of its tasks, each under its task.
func (l *lmevalReader) groupItems(r *Run, leaves []*lmevalTask) {
	if len(r.Measures) == 0 {
		return
	}
	for _, t := range leaves {
		r.Dataset.Items += t.effective
		r.Files = append(r.Files, t.run.Files[1:]...)
		for _, it := range t.run.Items.All() {
			item := Item{ID: it.ID, Group: t.name}
			step := len(t.run.Measures)
			for first := 0; first < len(it.Values); first += step {
				for _, m := range r.Measures {
					item.Values = append(item.Values, it.Values[first+slices.Index(t.run.Measures, m)])
				}
			}
			if r.Items.Add(item) != nil { // too many: what was read stays so
				r.Items, r.Measures = Items{}, nil
				return
			}
		}
	}
}

// ofParts is the mean of what is published of a group's immediate parts.
func (l *lmevalReader) ofParts(group, metric string) float64 {
	parts := l.parts[group].elements()
	total := 0.0
	for _, part := range parts {
		name, _ := part.text()
		t := l.byTask[name]
		if t == nil {
			return math.NaN()
		}
		i := slices.IndexFunc(t.run.Aggregates, func(a Aggregate) bool { return a.Name == metric })
		if i < 0 {
			return math.NaN()
		}
		x, err := strconv.ParseFloat(t.run.Aggregates[i].Value, 64)
		if err != nil {
			return math.NaN()
		}
		total += x
	}
	return total / float64(len(parts))
}

func near(x, y float64) bool { return math.Abs(x-y) <= 1e-9*max(1, math.Abs(x)) }
