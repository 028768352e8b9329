package harness

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// helmStat is a statistic of the split test.
func helmStat(name, perturbation string, count int, mean float64) string {
	if perturbation != "" {
		perturbation = `,"perturbation":{` + perturbation + `}`
	}
	return fmt.Sprintf(`{"name":{"name":%q,"split":"test"%s},"count":%d,"mean":%v}`, name, perturbation, count, mean)
}

func helmEntry(id string, trial int, perturbation string, stats ...string) string {
	more := ""
	if perturbation != "" {
		more = `,"perturbation":{` + perturbation + `}`
	}
	return fmt.Sprintf(`{"instance_id":%q,"train_trial_index":%d%s,"stats":[%s]}`, id, trial, more, strings.Join(stats, ","))
}

func helmRunOf(t *testing.T, stats, entries []string) *Run {
	t.Helper()
	return importOne(t, map[string]string{
		"run_spec.json":           `{"name":"sums:model=org_tiny","adapter_spec":{"model":"org/tiny"}}`,
		"stats.json":              "[" + strings.Join(stats, ",\n") + "]",
		"per_instance_stats.json": "[" + strings.Join(entries, ",\n") + "]",
	})
}

// Under a perturbation HELM gives what is perturbed, the same instances before, and of
// both the worse; and the worst of all perturbations that are a test of the same.
func TestHELMPerturbations(t *testing.T) {
	const (
		typo  = `"name":"typos","robustness":true,"fairness":false,"prob":0.1`
		lower = `"name":"lower","robustness":true,"fairness":true`
	)
	on := func(perturbation, on string) string { return perturbation + `,"computed_on":"` + on + `"` }
	em := func(perturbation string, x float64) string { return helmStat("em", perturbation, 1, x) }
	r := helmRunOf(t, []string{
		em("", 0.5), em(on(typo, "perturbed"), 0), em(on(typo, "original"), 1), em(on(typo, "worst"), 0), em(on(lower, "worst"), 0.5),
		em(`"name":"robustness","robustness":true,"fairness":false,"computed_on":"worst"`, 0),
		em(`"name":"fairness","robustness":false,"fairness":true,"computed_on":"worst"`, 0.5),
		`{"name":{"name":"em","split":"test","sub_split":"a"},"count":1,"mean":0.7}`,
	}, []string{
		helmEntry("a", 0, "", em("", 1)), helmEntry("a", 0, typo, em(typo, 0)), helmEntry("a", 0, lower, em(lower, 1)),
		helmEntry("b", 0, "", em("", 0)), helmEntry("b", 0, lower, em(lower, 1)),
	})
	measures := []string{
		"em", "em (robustness, worst)", "em (fairness, worst)", "em (lower, worst)",
		"em (typos prob=0.1, perturbed)", "em (typos prob=0.1, original)", "em (typos prob=0.1, worst)",
	}
	none := NoValue
	want := []Item{{ID: "a", Values: []float64{1, 0, 1, 1, 0, 1, 0}}, {ID: "b", Values: []float64{0, 0, 0, 0, none, none, none}}}
	gotMeasures := append([]string{}, r.Measures...)
	got := itemsOf(r)
	// Those that as many instances have keep the file's order; compare by name.
	for i := range got {
		values := make([]float64, len(measures))
		for j, m := range measures {
			values[j] = none
			for k, name := range gotMeasures {
				if name == m {
					values[j] = got[i].Values[k]
				}
			}
		}
		got[i].Values = values
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" || len(gotMeasures) != len(measures) {
		t.Errorf("measures %q, items (-want +got):\n%s", gotMeasures, diff)
	}
	for _, g := range r.Aggregates {
		if g.Rule != Mean {
			t.Errorf("%s of one trial is %s", g.Name, g.Rule)
		}
	}
	if len(r.Notices) > 0 {
		t.Errorf("notices %v", r.Notices)
	}
}

// Each of HELM's metrics leaves an entry of its own for an instance; the same statistic
// twice is another thing.
func TestHELMEntries(t *testing.T) {
	em := helmStat("em", "", 1, 1)
	stats := []string{em, helmStat("length", "", 1, 4), helmStat("num_instances", "", 1, 1)}
	r := helmRunOf(t, stats, []string{helmEntry("a", 0, "", em), helmEntry("a", 0, "", helmStat("length", "", 1, 4))})
	if diff := cmp.Diff([]Item{{ID: "a", Values: []float64{1, 4}}}, itemsOf(r)); diff != "" || len(r.Notices) > 0 {
		t.Errorf("notices %v, items (-want +got):\n%s", r.Notices, diff)
	}
	r = helmRunOf(t, stats, []string{helmEntry("a", 0, "", em), helmEntry("a", 0, "", helmStat("em", "", 1, 0)), helmEntry("b", 0, "", em)})
	var got []string
	for _, n := range r.Notices {
		got = append(got, n.Finding)
	}
	if diff := cmp.Diff([]string{"missing-items", "duplicate-items"}, got); diff != "" || r.Items.Values(0)[0] != 1 {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
}

// What is there twice in stats.json, or of several values of an instance, is not computed.
func TestHELMNoRule(t *testing.T) {
	r := helmRunOf(t, []string{helmStat("em", "", 1, 1), helmStat("em", "", 1, 0.5), helmStat("many", "", 1, 2)},
		[]string{helmEntry("a", 0, "", helmStat("em", "", 1, 1), helmStat("many", "", 3, 2))})
	var got []Rule
	for _, g := range r.Aggregates {
		got = append(got, g.Rule)
	}
	if diff := cmp.Diff([]Rule{Mean, Unknown, Unknown}, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

func TestHELMTrials(t *testing.T) {
	em := func(x float64) string { return helmStat("em", "", 1, x) }
	r := helmRunOf(t, []string{helmStat("em", "", 3, 0.5)}, []string{helmEntry("a", 0, "", em(1)), helmEntry("a", 2, "", em(0)), helmEntry("b", 2, "", em(1))})
	if diff := cmp.Diff([]string{"missing-items: the instances have statistics of 2 trials, and numbers of stats.json are of 3"}, notices(&Imported{Runs: []*Run{r}})); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	want := []Item{{ID: "a", Values: []float64{1, 0}}, {ID: "b", Values: []float64{NoValue, 1}}}
	if diff := cmp.Diff(want, itemsOf(r), cmpopts.EquateNaNs()); diff != "" {
		t.Errorf("items (-want +got):\n%s", diff)
	}
}

// The numbers of one statistic hang together, also where no instance has it.
func TestHELMAgrees(t *testing.T) {
	const good = `{"name":{"name":"ece","split":"test"},"count":2,"sum":0.6,"sum_squared":0.2,"min":0.2,"max":0.4,"mean":0.3,"variance":0.01,"stddev":0.1}`
	for change, want := range map[string]string{
		"":                                "",
		`"mean":0.3>"mean":0.4`:           "ece: mean is 0.4, and sum over count 0.3",
		`"variance":0.01>"variance":0.02`: "ece: variance is 0.02, and by sum_squared and sum it is ",
		`"stddev":0.1>"stddev":0.2`:       "ece: stddev is 0.2, and variance 0.01",
		`"max":0.4>"max":0.25`:            "ece: mean is 0.3, and the numbers are from 0.2 to 0.25",
		`"count":2>"count":0`:             "",
		`"min":0.2,>`:                     "",
	} {
		old, changed, _ := strings.Cut(change, ">")
		r := helmRunOf(t, []string{helmStat("em", "", 1, 1), strings.Replace(good, old, changed, 1)}, []string{helmEntry("a", 0, "", helmStat("em", "", 1, 1))})
		got := ""
		for _, n := range r.Notices {
			if n.Finding == "aggregate-differs" {
				got = n.Detail
			}
		}
		if !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%s: %q, want %q", change, got, want)
		}
	}
}
