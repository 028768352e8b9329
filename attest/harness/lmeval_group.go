package harness

import (
	"fmt"
	"slices"
	"strings"
)

// lmevalGroup is what a file has of one group.
type lmevalGroup struct {
	reader *lmevalReader
	run    *Run
	leaves []*lmevalTask
	once   bool // no task is in it twice, as in two groups of the group
}

// lmevalPart is what a task adds to a number of its group.
type lmevalPart struct {
	value, items float64
}

// parts are what the tasks that have a number add to it: the harness leaves out the
// others. They come from items unless there is a reason against it.
func (g *lmevalGroup) parts(name, measure string) (parts []lmevalPart, without string) {
	if !g.once {
		without = "a task is in it twice"
	}
	for _, t := range g.leaves {
		value, ok := t.run.stated(name)
		if !ok || t.effective == 0 {
			continue
		}
		p := lmevalPart{value: value, items: float64(t.effective)}
		parts = append(parts, p)
		if j := slices.Index(t.run.Measures, measure); j < 0 || t.run.Items.Len() == 0 {
			without = "no items of its tasks"
		} else if t.run.Items.valued(j, len(t.run.Measures)) != t.effective {
			without = "not all items of its tasks have a value"
		}
	}
	return parts, without
}

// byItems puts what items come to in the place of what is published.
func (g *lmevalGroup) byItems(parts []lmevalPart, name, measure string) {
	at := 0
	for _, t := range g.leaves {
		if _, ok := t.run.stated(name); !ok || t.effective == 0 {
			continue
		}
		mean, se := t.run.Items.spread(slices.Index(t.run.Measures, measure), len(t.run.Measures))
		if parts[at].value = mean; name != measure {
			parts[at].value = se
		}
		at++
	}
}

// mean says which mean of its tasks' numbers a number of the group is.
func (g *lmevalGroup) mean(at int) {
	a := &g.run.Aggregates[at]
	published, ok := g.run.stated(a.Name)
	parts, without := g.parts(a.Name, a.Name)
	if !ok || len(parts) == 0 {
		return
	}
	if without == "" {
		g.byItems(parts, a.Name, a.Name)
	}
	bySize, alike := weigh(parts)
	tasks := fmt.Sprintf("its %d tasks' numbers", len(parts))
	switch near := g.reader.near; {
	case near(published, bySize):
		g.set(at, Mean, without, "the mean of "+tasks+" by their sizes")
	case near(published, alike):
		g.set(at, MacroMean, without, "the mean of "+tasks+", each of which counts alike")
	case near(published, g.reader.ofParts(g.run.Board, a.Name)):
		g.set(at, Unknown, "groups in it count alike", "the mean of what is published of its parts")
	case len(parts) < len(g.leaves) || strings.HasPrefix(g.run.Board, lmevalOwnMean):
		// Nothing says what it is of.
	case without == "":
		g.set(at, Mean, "", "")
	default:
		g.differs(at, fmt.Sprintf("of %s the mean is %s by their sizes and %s if each counts alike", tasks, sixDigits(bySize), sixDigits(alike)))
	}
}

// lmevalOwnMean begins the name of the one group of the harness that has a function of its
// own in the place of a mean.
const lmevalOwnMean = "lingoly"

// standardError does the same for an error: up to 0.4.12 the harness pooled it however
// tasks counted.
func (g *lmevalGroup) standardError(at int) {
	a := &g.run.Aggregates[at]
	published, ok := g.run.stated(a.Name)
	means, _ := g.parts(a.Of, a.Of)
	parts, without := g.parts(a.Name, a.Of)
	if !ok || len(means) != len(parts) || len(parts) == 0 {
		g.run.Aggregates[at].Why = "not all of its tasks have a number for their error"
		g.run.Metrics[at] = g.run.Aggregates[at].Metric
		return
	}
	if without == "" && g.unknown(a.Name) {
		without = "its tasks' own are not recomputable"
	}
	if without == "" {
		g.byItems(parts, a.Name, a.Of)
	}
	pooled, alike := poolErrors(parts)
	errors := fmt.Sprintf("its %d tasks' errors", len(parts))
	switch near := g.reader.near; {
	case near(published, pooled):
		g.set(at, PooledError, without, "pooled from "+errors)
	case near(published, alike):
		g.set(at, MacroError, without, "that of a mean in which each task counts alike, from "+errors)
	case len(parts) < len(g.leaves) || g.run.Version == "":
		// Before 0.4.2, which does not say so, it was computed in another way.
	case without == "":
		g.set(at, PooledError, "", "")
	default:
		g.differs(at, fmt.Sprintf("pooled from %s it is %s, and %s if each task counts alike", errors, sixDigits(pooled), sixDigits(alike)))
	}
}

// unknown reports whether nothing says how an error of some task comes from its items.
func (g *lmevalGroup) unknown(name string) bool {
	return slices.ContainsFunc(g.leaves, func(t *lmevalTask) bool {
		return slices.ContainsFunc(t.run.Aggregates, func(a Aggregate) bool { return a.Name == name && a.Rule != StandardError })
	})
}

// set says how a number comes from items, or what it is without them.
func (g *lmevalGroup) set(at int, rule Rule, without, of string) {
	m := &g.run.Aggregates[at].Metric
	if without != "" {
		m.Why = without + "; it is " + of
	} else if m.Rule = rule; !slices.Contains(g.run.Measures, m.Measure) {
		g.run.Measures = append(g.run.Measures, m.Measure)
	}
	g.run.Metrics[at] = *m
}

func (g *lmevalGroup) differs(at int, detail string) {
	a := g.run.Aggregates[at]
	g.run.Notices = append(g.run.Notices, Notice{
		Finding: "aggregate-differs", File: g.reader.file, Line: a.Line,
		Detail: fmt.Sprintf("%s is published as %s; %s", a.Name, a.Value, detail),
	})
}

// items gives a group the items of its tasks, each under its task.
func (g *lmevalGroup) items() {
	r := g.run
	if len(r.Measures) == 0 {
		return
	}
	for _, t := range g.leaves {
		if slices.Contains(t.run.Measures, r.Measures[0]) {
			r.Dataset.Items += t.effective
		}
		r.Files = append(r.Files, t.run.Files[1:]...)
		for _, it := range t.run.Items.All() {
			if r.Items.Add(Item{ID: it.ID, Group: t.name, Values: only(r.Measures, t.run.Measures, it.Values)}) != nil {
				r.Items, r.Measures = Items{}, nil // too many: what was read stays so
				return
			}
		}
	}
}

// only picks some measures of all samples' values.
func only(measures, all []string, values []float64) (some []float64) {
	for ; len(all) > 0 && len(values) >= len(all); values = values[len(all):] {
		for _, m := range measures {
			x := NoValue
			if j := slices.Index(all, m); j >= 0 {
				x = values[j]
			}
			some = append(some, x)
		}
	}
	return some
}
