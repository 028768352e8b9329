package harness

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// eeeVersion is the version of Every Eval Ever that is known here.
const eeeVersion = "0.3.0"

var everyEvalEver = Importer{
	Name:   "every-eval-ever",
	Tested: "one record of version 0.3.0 with its instances, and one of 0.2.0, which is refused, of evaleval/every_eval_ever at 9bce413; what every_eval_ever 0.3.0 makes of logs of Inspect, lm-evaluation-harness and HELM",
	About: About{
		Files:     "a record of Every Eval Ever " + eeeVersion + ", and the JSONL of its instances where it names one that lies beside it",
		Model:     "by model_info.id",
		Dataset:   "by evaluation_name; version only where source_data has one",
		Items:     "evaluation.score of each instance; rows of one sample_id are one item where metadata.epoch tells them apart, or where the record was written with so many rows of so many items",
		Aggregate: "score_details.score, and its standard error",
		Absent:    "revision and digest of the model; how the score comes from the instances, unless metric_kind is accuracy, exact_match or mean, the score is a proportion and no name says balanced, macro or weighted; what else than epochs several rows of one sample_id are; standard errors are recomputed only where their method is analytic, with n or n−1; sample_hash is not derived again",
	},
	Claims: func(name string, head []byte) bool {
		return strings.HasSuffix(name, ".json") && bytes.HasPrefix(head, []byte("{")) && hasAll(head, "schema_version", "evaluation_id", "source_metadata") && !hasAny(head, "$schema")
	},
	Read: readEEE,
}

// eeeMeans are the kinds of metric that are the mean of the instances' scores.
var eeeMeans = map[string]bool{"accuracy": true, "exact_match": true, "mean": true}

// eeeReader reads one record.
type eeeReader struct {
	name  string
	id    string // of the record, which its instances name
	model string
	at    lines
	runs  []*Run
	rows  map[*Run]*eeeRows
	byID  map[string]*Run // nil where several results have the name
	homes int             // rows that several results could have
}

func readEEE(fsys fs.FS, name string) (*Imported, error) {
	data, err := readPlain(fsys, name)
	if err != nil {
		return nil, err
	}
	doc, err := checkForeign(data)
	if err != nil {
		return nil, err
	}
	if version, _ := doc.get("schema_version").text(); version != eeeVersion {
		return nil, fmt.Errorf("schema_version is %s, and %s is known", doc.get("schema_version").describe(), eeeVersion)
	}
	e := &eeeReader{name: name, at: lines{whole: data, line: 1}, byID: map[string]*Run{}, rows: map[*Run]*eeeRows{}}
	if e.model, _ = doc.get("model_info", "id").text(); e.model == "" {
		return nil, errors.New("model_info has no id")
	}
	e.id, _ = doc.get("evaluation_id").text()
	for i, result := range doc.get("evaluation_results").elements() {
		if err := e.result(result); err != nil {
			return nil, fmt.Errorf("evaluation result %d: %w", i+1, err)
		}
	}
	if len(e.runs) == 0 {
		return nil, errors.New("has no evaluation results")
	}
	if details := doc.get("detailed_evaluation_results"); details.isObject() {
		if err := e.instances(fsys, details); err != nil {
			return nil, err
		}
	}
	return &Imported{Runs: e.runs}, nil
}

func (e *eeeReader) result(result foreign) error {
	name, _ := result.get("evaluation_name").text()
	if name == "" {
		return errors.New("has no evaluation_name")
	}
	score := result.get("score_details", "score")
	if !score.isNumber() {
		return fmt.Errorf("score is %s, want a number", score.describe())
	}
	metric := Metric{Name: "score", Measure: "score"}
	for _, member := range []string{"metric_name", "metric_id"} {
		if text, _ := result.get("metric_config", member).text(); text != "" {
			metric.Name = text
			break
		}
	}
	if eeeIsMean(result.get("metric_config")) {
		metric.Rule = Mean
	}
	metric.Within = eeeRange(result.get("metric_config"))
	r := &Run{
		Format: "every-eval-ever", Version: eeeVersion, Files: []File{{Path: e.name}}, Board: name, Entry: e.model,
		Model: Model{Name: e.model}, Dataset: Dataset{Name: name}, Measures: []string{"score"}, Absent: []string{"revision of the model"},
	}
	items, _ := result.get("score_details", "uncertainty", "num_samples").size()
	if items == 0 {
		r.Absent = append(r.Absent, "number of samples")
	}
	r.Aggregates = append(r.Aggregates, Aggregate{Metric: metric, Value: string(score), Items: items, File: e.name, Line: e.at.of(score)})
	method, _ := result.get("score_details", "uncertainty", "standard_error", "method").text()
	if se := result.get("score_details", "uncertainty", "standard_error", "value"); se.isNumber() && metric.Rule == Mean && method == "analytic" {
		r.Aggregates = append(r.Aggregates, Aggregate{
			Metric: Metric{Name: metric.Name + " standard error", Rule: StandardError, Measure: "score", Of: metric.Name, EitherN: true},
			Value:  string(se), Items: items, File: e.name, Line: e.at.of(se),
		})
	}
	id, _ := result.get("evaluation_result_id").text()
	for _, key := range slices.Compact([]string{id, name}) {
		if _, taken := e.byID[key]; taken {
			e.byID[key] = nil
		} else if key != "" {
			e.byID[key] = r
		}
	}
	e.runs, e.rows[r] = append(e.runs, r), newEEERows(result.get("metric_config"))
	return nil
}

// eeeOtherMean is in names of means that weigh items by their classes or otherwise.
var eeeOtherMean = regexp.MustCompile(`(?i)balanced|macro|weighted`)

// eeeIsMean reports whether a score is the mean of the instances' scores, on their
// scale: what a percentage's instances are scored on is not said.
func eeeIsMean(config foreign) bool {
	for _, member := range []string{"metric_id", "metric_name"} {
		if text, _ := config.get(member).text(); eeeOtherMean.MatchString(text) {
			return false
		}
	}
	kind, _ := config.get("metric_kind").text()
	unit, _ := config.get("metric_unit").text()
	most, bounded := config.get("max_score").float()
	return eeeMeans[kind] && (unit == "proportion" || unit == "" && (!bounded || most <= 1))
}

// instances reads the JSONL that lies beside the record under the name that it states.
// It is not looked for elsewhere: a path in a file is not a place to read from.
func (e *eeeReader) instances(fsys fs.FS, details foreign) error {
	stated, _ := details.get("file_path").text()
	if stated == "" {
		return errors.New("detailed_evaluation_results has no file_path")
	}
	base := path.Base(strings.ReplaceAll(stated, `\`, "/"))
	file := path.Join(path.Dir(e.name), base)
	if base == "." || base == ".." || base == "/" || !fs.ValidPath(strings.TrimPrefix(file, "/")) {
		return fmt.Errorf("file_path %q names no file", stated)
	}
	if _, err := fs.Stat(fsys, file); errors.Is(err, fs.ErrNotExist) {
		for _, r := range e.runs {
			r.Absent = append(r.Absent, "the instances, which are said to be in "+stated)
		}
		return nil
	}
	rows, err := details.get("total_rows").size()
	if details.get("total_rows") != nil && err != nil {
		return fmt.Errorf("total_rows %w", err)
	}
	read, err := e.readInstances(fsys, file)
	if err != nil {
		return err
	}
	var notices []Notice
	if details.get("total_rows") != nil && read != rows {
		notices = append(notices, Notice{Finding: "missing-items", Detail: fmt.Sprintf("%s has %d rows, and the record states %d", base, read, rows), File: e.name, Line: e.at.of(details)})
	}
	if why, err := eeeChecksum(fsys, file, details); err != nil {
		return err
	} else if why != "" {
		notices = append(notices, Notice{Finding: "file-changed", Detail: why, File: e.name, Line: e.at.of(details)})
	}
	for _, r := range e.runs {
		r.Files = append(r.Files, File{Path: file})
		r.Notices = append(r.Notices, notices...)
		before := r.Items.Len()
		if err := e.settle(r, rows > 0 && read == rows); err != nil {
			return err
		}
		if len(e.runs) == 1 && rows > 0 {
			r.Dataset.Items = max(0, rows-before+r.Items.Len())
		}
		if e.homes > 0 {
			r.Absent = append(r.Absent, fmt.Sprintf("which result %d of the rows belong to: several have the name that they give", e.homes))
		}
		if r.Items.Len() == 0 && read > 0 && len(e.runs) > 1 {
			continue // no row is of this number
		}
		if g := r.Aggregates[0]; g.Items > r.Items.Len() && (rows == 0 || read >= rows) {
			r.Notices = append(r.Notices, Notice{Finding: "missing-items", Detail: fmt.Sprintf("%d items have a result, and num_samples is %d", r.Items.Len(), g.Items), File: e.name, Line: g.Line})
		}
	}
	return nil
}

func (e *eeeReader) readInstances(fsys fs.FS, file string) (rows int, err error) {
	f, err := fsys.Open(file)
	if err != nil {
		return 0, err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	err = eachLine(path.Base(file), f, func(_ string, line []byte) error {
		rows++
		doc, err := checkForeign(line)
		if err != nil {
			return err
		}
		return e.instance(doc)
	})
	return rows, err
}

func (e *eeeReader) instance(doc foreign) error {
	if version, _ := doc.get("schema_version").text(); version != eeeVersion {
		return fmt.Errorf("schema_version is %s, and %s is known", doc.get("schema_version").describe(), eeeVersion)
	}
	key, _ := doc.get("evaluation_result_id").text()
	if key == "" {
		key, _ = doc.get("evaluation_name").text()
	}
	if id, _ := doc.get("evaluation_id").text(); id != "" && id != e.id {
		return fmt.Errorf("evaluation_id is %q, and the record's is %q", id, e.id)
	}
	r, known := e.byID[key]
	if known && r == nil {
		e.homes++
		return nil
	}
	if r == nil {
		return fmt.Errorf("belongs to %q, which the record does not have", key)
	}
	id, _ := doc.get("sample_id").text()
	if id == "" {
		return fmt.Errorf("sample_id is %s, want a text", doc.get("sample_id").describe())
	}
	x, ok := doc.get("evaluation", "score").float()
	if !ok {
		x = NoValue
	}
	if model, _ := doc.get("model_id").text(); model != "" {
		e.named(r, model)
	}
	e.rows[r].add(id, x, doc)
	return r.Items.Add(Item{ID: id, Values: []float64{x}, Input: textDigest(doc.get("input", "raw")), Output: TextDigest(doc.get("output", "raw").canonicalOrRaw())})
}

// named counts the models' names that stand beside instances.
func (e *eeeReader) named(r *Run, model string) {
	for i := range r.Names {
		if r.Names[i].Name == model {
			r.Names[i].Items++
			return
		}
	}
	if len(r.Names) < 100 {
		r.Names = append(r.Names, Naming{Of: OfModel, Member: "model_id", Name: model, Items: 1})
	}
}
