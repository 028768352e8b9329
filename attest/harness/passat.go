package harness

import (
	"fmt"
	"regexp"
	"strconv"
)

// passAt is how harnesses call pass@k: "pass@10" or "pass_at_10".
var passAt = regexp.MustCompile(`^pass(?:_at_|@)([1-9]\d{0,3})$`)

// passMetric is the metric that a member such as "pass@10" of a set of tests is.
func passMetric(measure, name string) (Metric, error) {
	k := passAt.FindStringSubmatch(name)
	if k == nil {
		return Metric{}, fmt.Errorf("%q is not pass@k", name)
	}
	m := Metric{Name: name, Rule: PassAtK, Measure: measure}
	if measure != "" {
		m.Name = measure + " " + name
	}
	m.K, _ = strconv.Atoi(k[1])
	if m.K == 1 {
		m.Steps = 1
	}
	return m, nil
}

// passMetrics are those that EvalPlus and HumanEval print: pass@k needs k samples of each task.
func passMetrics(measure string, samples int) (all []Metric) {
	for _, k := range []int{1, 10, 100} {
		if k <= samples {
			m, _ := passMetric(measure, "pass@"+strconv.Itoa(k)) // cannot fail
			all = append(all, m)
		}
	}
	return all
}
