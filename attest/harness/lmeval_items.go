package harness

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
)

// lmevalItems gathers the lines of a samples file, one for each doc and filter, in the
// run's items: there may be millions, and nothing else is kept of a line.
type lmevalItems struct {
	run       *Run
	file      string
	anyMetric bool // the run has not been told which metrics there are

	docs    lmevalDocs
	repeats []laterValue
	hashes  lmevalSums
	likely  likeliest
	lines   int
	unnamed int      // lines that name no filter
	room    []member // of the line before
}

func (s *lmevalItems) read(fsys fs.FS) error { return eachLineOf(fsys, s.file, s.add) }

func (s *lmevalItems) add(line int, element foreign) error {
	sample, err := sampleOf(element, s.room)
	if err != nil {
		return err
	}
	s.room = sample.all
	s.lines++
	prompt := s.hashes.add(line, &sample)
	s.likely.add(line, &sample)
	filter := ""
	if sample.filter != nil {
		filter = *sample.filter
	} else {
		s.unnamed++
	}
	if s.anyMetric {
		if err := s.learn(&sample, filter); err != nil {
			return err
		}
	}
	i, known, err := s.docs.place(sample.id, filter)
	if err != nil {
		return err
	}
	if !known {
		if err := s.item(&sample, prompt); err != nil {
			return err
		}
	}
	if err := s.values(i, &sample); err != nil {
		return fmt.Errorf("doc %d: %w", sample.id, err)
	}
	return nil
}

// item adds an item that has no values yet.
func (s *lmevalItems) item(sample *lmevalSample, prompt Digest) error {
	it := Item{ID: strconv.FormatUint(sample.id, 10), Input: prompt, Values: slices.Repeat([]float64{NoValue}, len(s.run.Measures))}
	if resps := sample.get("resps"); resps != nil {
		it.Output = TextDigest(resps.canonicalOrRaw())
	}
	return s.run.Items.Add(it)
}

// learn takes the metrics that a line names.
func (s *lmevalItems) learn(sample *lmevalSample, filter string) error {
	const most = 100
	r := s.run
	for _, m := range sample.get("metrics").elements() {
		metric, _ := m.text()
		steps, known := lmevalMeans[metric]
		name := metric + "," + filter
		if known && len(r.Measures) < most && !slices.Contains(r.Measures, name) {
			if err := r.Items.widen(len(r.Measures)); err != nil {
				return err
			}
			r.Measures = append(r.Measures, name)
			r.Metrics = append(r.Metrics, Metric{Name: name, Rule: Mean, Measure: name, Steps: steps})
		}
	}
	return nil
}

// values takes the values that a line has for the run's measures. A list has one for
// each repeat.
func (s *lmevalItems) values(item int, sample *lmevalSample) error {
	for j, measure := range s.run.Measures {
		metric, filter, _ := cutLast(measure, ",")
		if sample.filter != nil && *sample.filter != filter {
			continue
		}
		value := sample.get(metric)
		if !value.isArray() {
			if err := s.value(item, 0, j, value); err != nil {
				return fmt.Errorf("%s %w", metric, err)
			}
			continue
		}
		for k, v := range value.elements() {
			if err := s.value(item, k, j, v); err != nil {
				return fmt.Errorf("%s %w", metric, err)
			}
		}
	}
	return nil
}

func (s *lmevalItems) value(item, repeat, measure int, f foreign) error {
	x, ok := f.float()
	if !ok {
		var err error
		if x, err = f.outcome(); err != nil && string(f) != "NaN" {
			return err
		}
	}
	if repeat == 0 {
		return s.run.Items.set(item, measure, x)
	}
	if len(s.repeats) >= MaxItems {
		return errTooMany
	}
	s.repeats = append(s.repeats, laterValue{uint32(item), uint32(repeat), uint32(measure), x})
	return nil
}
