package harness

import "slices"

// groups compares what is published of a group with its tasks. Tasks count by size, or
// each alike: the file does not say which.
func (l *lmevalReader) groups() {
	l.rounding = roundingOf(l.runs)
	for _, r := range l.runs {
		if !l.isGroup(r.Board) {
			continue
		}
		leaves, ok := l.leaves(r.Board, 0)
		if !ok {
			r.Absent = append(r.Absent, "results of all tasks of the group")
			continue
		}
		g := &lmevalGroup{reader: l, run: r, leaves: leaves, once: true}
		for i, t := range leaves {
			g.once = g.once && slices.Index(leaves, t) == i
		}
		for i := range r.Aggregates {
			if r.Aggregates[i].Of == "" {
				g.mean(i)
			}
		}
		for i := range r.Aggregates {
			if r.Aggregates[i].Of != "" {
				g.standardError(i)
			}
		}
		g.items()
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
