package harness

import (
	"maps"
	"slices"
	"strings"
)

// lmevalMeans are the metrics that the harness averages over items unless a task says
// otherwise, and whether an item is right or wrong.
var lmevalMeans = map[string]int{
	"acc": 1, "acc_norm": 1, "acc_mutual_info": 1, "acc_bytes": 1, "exact_match": 1, "em": 1,
	"pct_stereotype": 1, "likelihood_diff": 0, "likelihood_difference": 0,
}

// lmevalUsual are the aggregations that the harness has for other metrics unless a task
// says otherwise.
var lmevalUsual = map[string]string{
	"perplexity": "perplexity", "word_perplexity": "weighted_perplexity", "byte_perplexity": "weighted_perplexity",
	"bits_per_byte": "bits_per_byte", "mcc": "matthews_corrcoef", "f1": "f1", "bleu": "bleu", "chrf": "chrf", "chrf++": "chrf++",
	"ter": "ter", "brier_score": "brier_score",
}

// lmevalDrawn are the aggregations whose errors the harness takes from random draws.
var lmevalDrawn = []string{"median", "matthews_corrcoef", "f1", "perplexity", "bleu", "chrf", "chrf++", "ter", "nanmean"}

// bootstrapped is why an error of such an aggregation is not recomputed.
const bootstrapped = "bootstrap: the harness drew items at random, and the draws are not in the file"

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
	how, steps := l.aggregation(task, base)
	if !isError {
		m.Measure = name
		switch how {
		case "mean", "nanmean":
			m.Rule, m.Steps = Mean, steps
		case "":
		default:
			m.Why = "its aggregation is " + how + ", which is not computed here"
		}
		return m, true
	}
	m.Of = base
	if filter != "" {
		m.Of += "," + filter
	}
	m.Measure = m.Of
	if how == "mean" {
		m.Rule = StandardError
	} else if slices.Contains(lmevalDrawn, how) {
		m.Why = bootstrapped
	}
	return m, true
}

// aggregation is how a metric comes from a task's items, which the task's configuration
// says or the harness's own habit; "" where neither does. That of a group does not come
// from items but from tasks.
func (l *lmevalReader) aggregation(task, metric string) (how string, steps int) {
	if l.isGroup(task) {
		return "", 0
	}
	config := l.configs[task]
	repeats, own := config.get("repeats"), config.get("process_results")
	if repeats == nil || string(repeats) == "1" {
		steps = lmevalMeans[metric]
	}
	if own != nil && !own.isNull() {
		steps = 0 // truthfulqa_mc2 calls a share of probability acc
	}
	listed := metricIn(config.get("metric_list"), metric)
	if stated := listed.get("aggregation"); stated != nil && !stated.isNull() {
		if how, _ = stated.text(); !lmevalKnows(how) {
			how = "one of the task's own"
		}
		return how, steps
	}
	if _, known := lmevalMeans[metric]; known {
		return "mean", steps
	}
	switch {
	case listed != nil, metric == "mcc":
		return lmevalUsual[metric], steps
	case l.old && metric == "ppl":
		return "perplexity", 0
	}
	return "", 0
}

// lmevalKnows reports whether an aggregation is the harness's own.
func lmevalKnows(how string) bool {
	return how == "mean" || slices.Contains(lmevalDrawn, how) || slices.Contains(slices.Collect(maps.Values(lmevalUsual)), how)
}
