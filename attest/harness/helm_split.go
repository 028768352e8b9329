package harness

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
)

// helmSplit is one split of a run: a data set has several, and each its own numbers.
type helmSplit struct {
	run     *Run
	columns []helmName     // of stats.json
	base    map[string]int // names of statistics that instances may have
	trials  map[string]int
	order   []string // instances
	seen    map[string]bool
	values  map[helmOf][]float64 // by base
	stated  map[string]foreign   // number of instances, by perturbation
	counted map[string]*helmCount
	again   []string        // instances that have a statistic twice
	pooled  map[string]bool // statistics of which an instance has several values
	most    int             // trials that a statistic is of
}

// helmOf is what has statistics: an instance in a trial, perturbed or not.
type helmOf struct {
	instance     string
	trial        int
	perturbation string
}

// helmCount is the instances that there are under a perturbation.
type helmCount struct {
	robust, fair bool
	instances    map[string]bool
}

func (h *helmReader) split(name string) *helmSplit {
	s := h.bySplit[name]
	if s == nil {
		run := h.template
		run.Files = slices.Clone(run.Files)
		if run.Dataset.Split = name; name != "" {
			run.Board += " (" + name + ")"
		}
		s = &helmSplit{
			run: &run, base: map[string]int{}, trials: map[string]int{}, seen: map[string]bool{}, values: map[helmOf][]float64{},
			stated: map[string]foreign{}, counted: map[string]*helmCount{}, pooled: map[string]bool{},
		}
		h.splits, h.bySplit[name] = append(h.splits, s), s
	}
	return s
}

func (h *helmReader) aggregates(stats foreign, file string) error {
	if !stats.isArray() {
		return fmt.Errorf("is %s, want an array", stats.describe())
	}
	at := lines{whole: stats, line: 1}
	for _, stat := range stats.elements() {
		n, err := readHELMName(stat)
		if err != nil {
			return err
		}
		mean := stat.get("mean")
		if n.name == "" || mean == nil || mean.isNull() {
			continue // a number of nothing has no mean
		}
		s := h.split(n.split)
		if n.name == "num_instances" && n.on != helmWorst && n.on != helmOriginal {
			s.stated[n.perturbation] = mean
			continue
		}
		s.add(n, stat, file, at.of(mean))
	}
	h.splits = slices.DeleteFunc(h.splits, func(s *helmSplit) bool { return len(s.columns) == 0 })
	maps.DeleteFunc(h.bySplit, func(_ string, s *helmSplit) bool { return len(s.columns) == 0 })
	if len(h.splits) == 0 {
		return errors.New("has no means")
	}
	return nil
}

// add adds the numbers of a statistic that the file states.
func (s *helmSplit) add(n helmName, stat foreign, file string, line int) {
	name, value := n.String(), stat.get("mean")
	mean := Metric{Name: name, Rule: SamplesMean, Measure: name}
	if slices.Contains(s.columns, n) {
		mean.Rule = Unknown // HELM warns of a statistic that two metrics give, and writes both
	} else {
		s.columns = append(s.columns, n)
	}
	if _, ok := s.base[n.name]; !ok {
		s.base[n.name] = len(s.base)
	}
	state := func(m Metric, value foreign) {
		text := string(value)
		if !value.isNumber() {
			text = value.describe()
		}
		s.run.Aggregates = append(s.run.Aggregates, Aggregate{Metric: m, Value: text, File: file, Line: line})
	}
	state(mean, value)
	trials, err := stat.get("count").size()
	if s.most = max(s.most, trials); err == nil && trials > 1 && mean.Rule != Unknown {
		for _, spread := range []struct {
			member string
			rule   Rule
		}{{"variance", SamplesVariance}, {"stddev", SamplesDeviation}} {
			if v := stat.get(spread.member); v != nil && !v.isNull() {
				state(Metric{Name: name + " " + spread.member, Rule: spread.rule, Measure: name}, v)
			}
		}
	}
	if why := helmAgrees(stat); why != "" {
		s.run.Notices = append(s.run.Notices, Notice{Finding: "aggregate-differs", Detail: name + ": " + why, File: file, Line: line})
	}
}

// instance adds the statistics of one trial of an instance. Each of HELM's metrics may
// leave some, in an entry of its own.
func (h *helmReader) instance(instance foreign) error {
	id, ok := instance.get("instance_id").text()
	if !ok || id == "" {
		return fmt.Errorf("instance_id is %s, want a text", instance.get("instance_id").describe())
	}
	of := helmOf{instance: id}
	var n helmName
	n.perturb(instance.get("perturbation"))
	of.perturbation = n.perturbation
	trial := string(instance.get("train_trial_index").canonicalOrRaw())
	twice := map[*helmSplit]bool{}
	for _, stat := range instance.get("stats").elements() {
		name, err := readHELMName(stat)
		if err != nil {
			return err
		}
		s := h.bySplit[name.split]
		if name.name == "" || s == nil || name.perturbation != "" && name.perturbation != n.perturbation {
			continue
		}
		s.count(id, n)
		again, err := s.value(of, trial, name.name, stat)
		if err != nil {
			return err
		}
		twice[s] = twice[s] || again
	}
	for s, again := range twice {
		if again {
			s.again = append(s.again, id)
		}
	}
	return nil
}

func (s *helmSplit) count(id string, n helmName) {
	c := s.counted[n.perturbation]
	if c == nil {
		c = &helmCount{robust: n.robust, fair: n.fair, instances: map[string]bool{}}
		s.counted[n.perturbation] = c
	}
	c.instances[id] = true
	if !s.seen[id] {
		s.seen[id], s.order = true, append(s.order, id)
	}
}

// value keeps one statistic, unless it is there already.
func (s *helmSplit) value(of helmOf, trial, name string, stat foreign) (again bool, err error) {
	i, ok := s.base[name]
	x, number := stat.get("mean").float()
	if !ok || !number {
		return false, nil
	}
	if count, ok := stat.get("count").float(); ok && count > 1 {
		s.pooled[name] = true
	}
	if of.trial, ok = s.trials[trial]; !ok {
		of.trial = len(s.trials)
		s.trials[trial] = of.trial
	}
	v := s.values[of]
	if v == nil {
		if (len(s.values)+1)*len(s.base) > MaxItems {
			return false, errTooMany
		}
		v = slices.Repeat([]float64{NoValue}, len(s.base))
		s.values[of] = v
	}
	again = !math.IsNaN(v[i])
	if !again {
		v[i] = x
	}
	return again, nil
}

// at is the value of an instance that counts for a column.
func (s *helmSplit) at(id string, trial int, column helmName) float64 {
	get := func(perturbation string) float64 {
		if v := s.values[helmOf{id, trial, perturbation}]; v != nil {
			return v[s.base[column.name]]
		}
		return NoValue
	}
	original, perturbed := get(""), get(column.perturbation)
	switch {
	case column.on == helmOriginal && math.IsNaN(perturbed):
		return NoValue
	case column.on == helmOriginal:
		return original
	case column.on != helmWorst:
		return perturbed
	case column.perturbation == "robustness" || column.perturbation == "fairness":
		worst := original
		for p, c := range s.counted {
			if p != "" && (column.robust && c.robust || column.fair && c.fair) {
				worst = helmMin(worst, get(p))
			}
		}
		return worst
	case math.IsNaN(perturbed):
		return NoValue
	}
	return helmMin(original, perturbed)
}

// helmMin is the smaller value, where there are two.
func helmMin(a, b float64) float64 {
	switch {
	case math.IsNaN(a):
		return b
	case math.IsNaN(b):
		return a
	}
	return min(a, b)
}

// finish adds the instances. Numbers that none of them has stay, and are not
// recomputable.
func (s *helmSplit) finish() error {
	if size := len(s.order) * max(1, len(s.trials)) * len(s.columns); size > 10*MaxItems {
		return errTooMany
	}
	rows := make([][]float64, len(s.order))
	for i, id := range s.order {
		for trial := range len(s.trials) {
			for _, c := range s.columns {
				rows[i] = append(rows[i], s.at(id, trial, c))
			}
		}
	}
	order := fullest(rows, len(s.columns))
	for i, id := range s.order {
		values := make([]float64, 0, len(rows[i]))
		for trial := range slices.Chunk(rows[i], len(s.columns)) {
			for _, c := range order {
				values = append(values, trial[c])
			}
		}
		if err := s.run.Items.Add(Item{ID: id, Values: values}); err != nil {
			return err
		}
	}
	for _, c := range order {
		s.run.Measures = append(s.run.Measures, s.columns[c].String())
	}
	s.rules()
	s.notices()
	return nil
}

// rules settles how numbers come about, now that the instances are known.
func (s *helmSplit) rules() {
	pooled := map[string]bool{}
	for _, c := range s.columns {
		pooled[c.String()] = s.pooled[c.name]
	}
	for i := range s.run.Aggregates {
		switch g := &s.run.Aggregates[i]; {
		case pooled[g.Measure]:
			g.Rule = Unknown // means of values of which an instance has several
		case g.Rule == SamplesMean && len(s.trials) <= 1:
			g.Rule = Mean
		}
	}
}

func (s *helmSplit) notices() {
	notice := func(finding, format string, args ...any) {
		s.run.Notices = append(s.run.Notices, Notice{Finding: finding, Detail: fmt.Sprintf(format, args...), File: s.run.Files[0].Path})
	}
	for _, p := range slices.Sorted(maps.Keys(s.stated)) {
		have, under := 0, ""
		if c := s.counted[p]; c != nil {
			have = len(c.instances)
		}
		if p != "" {
			under = " under " + p
		}
		if n, ok := s.stated[p].float(); ok && float64(have) != n {
			notice("missing-items", "%d instances have statistics%s, and num_instances of stats.json is %s", have, under, s.stated[p])
		}
	}
	if have := len(s.trials); have > 0 && s.most != have && s.most > 0 {
		notice("missing-items", "the instances have statistics of %d trials, and numbers of stats.json are of %d", have, s.most)
	}
	if len(s.again) > 0 {
		notice("duplicate-items", "%d instances have statistics there again, of which the first count: %s", len(s.again), list(quoted(s.again)))
	}
}

// fullest orders the measures so that the one that most instances have is first: by it
// is judged whether an instance has a result.
func fullest(rows [][]float64, measures int) []int {
	count, order := make([]int, measures), make([]int, measures)
	for i := range order {
		order[i] = i
	}
	for _, values := range rows {
		for i, x := range values {
			if !math.IsNaN(x) {
				count[i%measures]++
			}
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return count[b] - count[a] })
	return order
}
