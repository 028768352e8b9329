package score

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/run"
)

// Metrics of grades. Their score is the mean over items of what the parameter
// "reduce" makes of an item's samples; without it that is their mean.
var gradeMetrics = []string{"mean", "accuracy", "exact_match"}

// What "reduce" can be, as Inspect calls it. A mean is what its absence says: one
// metric with two spellings would be two metrics to those who compare.
var reductions = []string{"median", "mode", "max", "at_least"}

const (
	reduceMean    = "mean"
	reduceAtLeast = "at_least"
	reducePassAt  = "pass_at"
	reducePassK   = "pass_k"
)

// maxK bounds the parameter k, and with it the size of the numbers that pass@k and
// pass^k are computed with.
const maxK = 10_000

// ErrUnknownMetric marks a metric that this version cannot recompute.
var ErrUnknownMetric = errors.New("metric cannot be recomputed here")

// CheckMetric says why a metric cannot be computed from so many samples per item.
func CheckMetric(metric attest.Metric, samples uint32) error {
	r, err := parseMetric(metric)
	if err != nil {
		return err
	}
	if int64(samples) < int64(r.k) {
		return fmt.Errorf("%w: %s takes %d or more samples per item, and %d are registered", ErrUnknownMetric, r, r.k, samples)
	}
	return nil
}

// Reducer is what a metric makes of an item's samples, as Inspect spells it: mean,
// at_least_2, pass_at_5. It is "" for a metric that cannot be recomputed.
func Reducer(metric attest.Metric) string {
	r, err := parseMetric(metric)
	if err != nil {
		return ""
	}
	return r.String()
}

// Describe says in a few words how a score comes from its grades.
func Describe(metric attest.Metric, samples uint32) string {
	r, err := parseMetric(metric)
	if err != nil {
		return strconv.Quote(metric.Name) // its registrant's word for whatever it is
	}
	switch {
	case metric.Name == attest.PassAt:
		return fmt.Sprintf("pass@%d from %d sample(s) of each item", r.k, samples)
	case metric.Name == attest.PassHat:
		return fmt.Sprintf("pass^%d from %d sample(s) of each item", r.k, samples)
	case samples == 1 && r.name == reduceMean:
		return metric.Name
	}
	return fmt.Sprintf("%s, the %s of %d sample(s) of each item", metric.Name, r, samples)
}

// parseMetric reads how a metric reduces. Every error is an ErrUnknownMetric.
func parseMetric(metric attest.Metric) (*reduction, error) {
	r := &reduction{name: reduceMean}
	refuse := func(format string, args ...any) (*reduction, error) {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnknownMetric, strconv.Quote(metric.Name), fmt.Errorf(format, args...))
	}
	reduce, k := metric.Parameters["reduce"], metric.Parameters["k"]
	switch {
	case metric.Binary():
		if reduce != "" {
			return refuse("it takes no parameter reduce")
		}
		if metric.Better != "higher" {
			return refuse("of its range, higher is better")
		}
		if r.name = reducePassAt; metric.Name == attest.PassHat {
			r.name = reducePassK
		}
	case !slices.Contains(gradeMetrics, metric.Name):
		return refuse("want one of %v, %s or %s", gradeMetrics, attest.PassAt, attest.PassHat)
	case reduce == reduceMean:
		return refuse("a mean is what it reduces by without the parameter reduce")
	case reduce != "" && !slices.Contains(reductions, reduce):
		return refuse("parameter reduce is %q, want one of %v", reduce, reductions)
	case reduce != "":
		r.name = reduce
	}
	var err error
	if r.worst, r.best, err = run.Range(metric); err != nil {
		return refuse("%w", err)
	}
	// A range that no score of the metric fills would make every one coarse enough.
	if metric.Name != "mean" && (metric.Min != "0" || metric.Max != "1") {
		return refuse("its range is [%s, %s], want [0, 1]", metric.Min, metric.Max)
	}
	if metric.Worst() == metric.Max {
		r.worst, r.best = r.best, r.worst
	}
	if !r.takesK() {
		if k != "" {
			return refuse("it takes no parameter k")
		}
		return r, nil
	}
	r.k, err = strconv.Atoi(k)
	if err != nil || r.k < 1 || r.k > maxK || strconv.Itoa(r.k) != k {
		return refuse("parameter k is %q, want 1 to %d", k, maxK)
	}
	return r, nil
}
