package main

import (
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/harness"
	"github.com/proctor-attest/proctor/schemas"
	"github.com/proctor-attest/proctor/verify/history"
)

// prepared is a reproduced number in the form in which its run can be registered and
// sealed after the fact.
type prepared struct {
	basis                    *history.Basis
	set, model, metric       string // as commands take them
	text                     string // of the claim
	score                    string // for the table of scores
	provider, url, evaluator string
	notes                    []string

	measure  int
	excluded bool
}

const noValue = "no-value" // why an item without a value takes no part in a mean

// unsafeName are characters that names of files would rather not have.
var unsafeName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func safeName(name, otherwise string) string {
	name = strings.Trim(unsafeName.ReplaceAllString(name, "-"), "-.")
	if name == "" {
		return otherwise
	}
	return name[:min(len(name), 64)]
}

// prepare checks that a claim of the number would hold.
func prepare(b *history.Basis, row string) (*prepared, error) {
	r := b.Run
	p := &prepared{
		basis: b, set: safeName(cmp.Or(r.Dataset.Name, strings.Trim(r.Board, harness.AnyBoard)), "testset"), model: safeName(r.Model.Name, "model"), metric: "mean",
		measure: max(0, slices.Index(r.Measures, b.Metric.Measure)),
	}
	if name := b.Metric.Name; name == "accuracy" || name == "exact_match" {
		p.metric = name
	}
	exact, n, err := p.mean()
	if err != nil {
		return nil, err
	}
	if err := p.setScore(exact); err != nil {
		return nil, err
	}
	var from []string
	for _, f := range r.Files {
		if f.Path != b.Where.Path || len(r.Files) == 1 {
			from = append(from, fileSum(history.Place{Path: f.Path, SHA256: f.SHA256}))
		}
	}
	p.text = fmt.Sprintf("%s %s, published in %s, recomputed after the fact from %d items in %s", row, b.Metric.Name, fileSum(b.Where), n, strings.Join(from, ", "))
	const most = 900
	if len(p.text) > most {
		p.text = fmt.Sprintf("%s %s, recomputed after the fact from %d items", row, b.Metric.Name, n)
	}
	if r.Items.ShowOutputs() {
		p.notes = append(p.notes, "the responses are committed to as digests of what the files show, as this program takes them")
	} else {
		p.notes = append(p.notes, "the files show no responses: what is committed to in their place says so")
	}
	return p, nil
}

// mean is that of the grades, as a fraction, over the items that have one.
func (p *prepared) mean() (mean *big.Rat, n int, err error) {
	r := p.basis.Run
	seen := map[string]bool{}
	sum := new(big.Rat)
	for i, item := range r.Items.All() {
		if len(item.Values) != len(r.Measures) {
			return nil, 0, fmt.Errorf("item %q has several samples, which this command does not write", item.ID)
		}
		key := itemKey(item, i)
		if seen[key] {
			return nil, 0, fmt.Errorf("item %q is there twice", key)
		}
		seen[key] = true
		grade := p.grade(item)
		if grade == "" {
			p.excluded = true
			continue
		}
		v, err := attest.ParseDecimal(grade)
		if err != nil {
			return nil, 0, fmt.Errorf("item %q: %w", key, err)
		}
		if v.Sign() < 0 || v.Cmp(big.NewRat(1, 1)) > 0 {
			return nil, 0, fmt.Errorf("item %q has the value %s, and the files do not say what range values have", key, grade)
		}
		sum.Add(sum, v)
		n++
	}
	if n == 0 {
		return nil, 0, errors.New("no item has a value")
	}
	return sum.Quo(sum, big.NewRat(int64(n), 1)), n, nil
}

// grade is an item's value as a decimal, "" where it takes no part in the mean.
func (p *prepared) grade(item harness.Item) string {
	if item.Excluded != "" || math.IsNaN(item.Values[p.measure]) {
		return ""
	}
	return strconv.FormatFloat(item.Values[p.measure], 'f', -1, 64)
}

func itemKey(item harness.Item, i int) string {
	if item.ID == "" {
		return strconv.Itoa(i)
	}
	return item.ID
}

// longest is how many decimals a published number may have to be claimed as it is: a
// longer one came out of floating point, and its last digits are noise.
const longest = 9

// setScore writes the published number so that a claim of it holds.
func (p *prepared) setScore(mean *big.Rat) error {
	text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(p.basis.Published), "%"))
	percent := ""
	switch scale := p.basis.Metric.Scale; scale {
	case 0, 1:
	case 100:
		percent = " %"
		mean = new(big.Rat).Mul(mean, big.NewRat(100, 1))
	default:
		return fmt.Errorf("it is published on a scale of %v, and a claim knows 1 and 100", scale)
	}
	claimed, ok := new(big.Rat).SetString(text)
	if !ok {
		return fmt.Errorf("%q is no number", text)
	}
	_, fraction, _ := strings.Cut(text, ".")
	if len(fraction) > longest || strings.ContainsAny(text, "eE+") {
		const shown = 6
		p.notes = append(p.notes, fmt.Sprintf("published as %s, claimed with %d decimals", text, shown))
		text = claimed.FloatString(shown)
		claimed.SetString(text)
		fraction = text[strings.Index(text, ".")+1:]
	}
	half := new(big.Rat).SetFrac(big.NewInt(1), new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(fraction))), nil))
	half.Quo(half, big.NewRat(2, 1))
	if off := new(big.Rat).Sub(mean, claimed); off.Abs(off).Cmp(half) > 0 {
		return fmt.Errorf("the exact mean is %s, of which %s is no rounding", mean.FloatString(len(fraction)+3), text)
	}
	p.score = text + percent
	return nil
}

func (p *prepared) writeItems(w io.Writer) error {
	for i, item := range p.basis.Run.Items.All() {
		o := map[string]string{"id": itemKey(item, i)}
		if item.Group != "" {
			o["group"] = item.Group
		}
		if item.Input != (harness.Digest{}) {
			o["inputDigest"] = item.Input.String()
		}
		if err := writeLine(w, o); err != nil {
			return err
		}
	}
	return nil
}

func (p *prepared) writeRows(w io.Writer) error {
	for i, item := range p.basis.Run.Items.All() {
		o := map[string]string{"id": itemKey(item, i), "grade": p.grade(item), "response": "not shown by the files"}
		if item.Output != (harness.Digest{}) {
			o["response"] = "digest " + item.Output.String()
		}
		if o["grade"] == "" {
			o["grade"] = "excluded:" + noValue
			delete(o, "response")
		}
		if err := writeLine(w, o); err != nil {
			return err
		}
	}
	return nil
}

func writeLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}

func (p *prepared) writeModel(w io.Writer) error {
	return writeLine(w, map[string]string{"provider": p.provider, "url": p.url, "model": cmp.Or(p.basis.Run.Model.Name, p.model)})
}

// writeConfig says "unknown" of all that the files do not say.
func (p *prepared) writeConfig(w io.Writer) error {
	names, err := schemas.Members("configuration")
	if err != nil {
		return err
	}
	config := map[string]any{}
	for _, name := range names {
		config[name] = "unknown"
	}
	r := p.basis.Run
	config["harness"] = map[string]string{"name": r.Format, "version": cmp.Or(r.Version, "unknown")}
	config["exclusions"], config["denominator"] = []string{}, "counted-wrong"
	if p.excluded {
		config["exclusions"], config["denominator"] = []string{noValue}, "left-out"
	}
	// Whoever commits to a model stands as its lab, and here that is the evaluator.
	config["relation"], config["evaluator"], config["variant"] = "first-party", p.evaluator, cmp.Or(r.Model.Name, p.model)
	data, err := json.MarshalIndent(config, "", " ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", data)
	return err
}

func (p *prepared) writeScores(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"label", "score", "result"}, {p.basis.Metric.Name, p.score, p.model + "." + p.set + ".result.proctor"}}
	if err := out.WriteAll(rows); err != nil {
		return err
	}
	return out.Error()
}
