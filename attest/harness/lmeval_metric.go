package harness

import "strings"

// lmevalMeans are the metrics that the harness averages over items unless a task says
// otherwise, and whether an item is right or wrong.
var lmevalMeans = map[string]int{
	"acc": 1, "acc_norm": 1, "acc_mutual_info": 1, "acc_bytes": 1, "exact_match": 1, "em": 1,
	"pct_stereotype": 1, "likelihood_diff": 0, "likelihood_difference": 0,
}

// metric says what a member of a task's results is.
func (l *lmevalReader) metric(task, name string) (Metric, bool) {
	metric, filter, ok := cutLast(name, ",")
	if ok == l.old {
		return Metric{}, false // sample_len and such
	}
	if l.old {
		metric, filter = name, ""
	}
	m := Metric{Name: name}
	base, isError := strings.CutSuffix(metric, "_stderr")
	rule, steps := l.rule(task, base)
	if !isError {
		m.Rule, m.Measure, m.Steps = rule, name, steps
		return m, true
	}
	m.Of = base
	if filter != "" {
		m.Of += "," + filter
	}
	if m.Measure = m.Of; rule == Mean {
		m.Rule = StandardError
	}
	return m, true
}

// rule is how a metric comes from a task's items, which the task's configuration says
// or the harness's own habit. That of a group does not come from items but from tasks.
func (l *lmevalReader) rule(task, metric string) (Rule, int) {
	if l.isGroup(task) {
		return Unknown, 0
	}
	config := l.configs[task]
	steps, known := lmevalMeans[metric]
	repeats, own := config.get("repeats"), config.get("process_results")
	if repeats != nil && string(repeats) != "1" || own != nil && !own.isNull() {
		steps = 0 // truthfulqa_mc2 calls a share of probability acc
	}
	if how := metricIn(config.get("metric_list"), metric).get("aggregation"); how != nil && !how.isNull() {
		if text, _ := how.text(); text != "mean" {
			return Unknown, 0
		}
		return Mean, steps
	}
	if !known {
		return Unknown, 0
	}
	return Mean, steps
}
