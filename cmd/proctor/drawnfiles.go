package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/ledger/durable"
	"github.com/proctor-attest/proctor/verify/challenge"
)

// drawDocument is what "proctor draw --json" prints; schemas/draw describes it.
type drawDocument struct {
	Run        attest.Hash            `json:"run"`
	Chain      attest.Hash            `json:"chain"`
	Round      uint64                 `json:"round"`
	Time       string                 `json:"time"`
	Randomness attest.Hash            `json:"randomness"`
	Draw       attest.Hash            `json:"draw"`
	Kind       string                 `json:"kind"`
	Seeds      map[string]attest.Hash `json:"seeds"`
	Items      []uint64               `json:"items"`
	FewShot    []uint64               `json:"fewshot,omitempty"`
}

func (d *drawn) document() drawDocument {
	seeds := map[string]attest.Hash{}
	for _, purpose := range []string{challenge.Items, challenge.FewShot, challenge.Options, challenge.Generator} {
		seeds[purpose] = challenge.DrawSeed(d.draw, purpose)
	}
	return drawDocument{
		Run: d.run, Chain: d.reg.Draw.Chain, Round: d.round.Number, Time: d.round.Time.Format(time.RFC3339), Randomness: d.round.Randomness,
		Draw: d.draw, Kind: d.reg.Draw.Kind, Seeds: seeds, Items: d.items, FewShot: d.examples,
	}
}

// drawnItem is a line of items.jsonl.
type drawnItem struct {
	Index uint64          `json:"index"`
	Key   json.RawMessage `json:"key,omitempty"`
	Order []uint64        `json:"order,omitempty"` // of its choices
	Seeds []attest.Hash   `json:"seeds"`           // one for each sample
}

func (d *drawn) item(i uint64) drawnItem {
	line := drawnItem{Index: i, Key: json.RawMessage(d.keys[i])}
	if n := d.reg.Draw.Options; n > 0 {
		line.Order = challenge.OptionOrder(d.draw, i, n)
	}
	for s := range d.reg.Samples {
		line.Seeds = append(line.Seeds, challenge.RunSeed(d.draw, i, s))
	}
	return line
}

// write makes a folder of files for harnesses, whole or not at all.
func (d *drawn) write(out, task string) ([]string, error) {
	dir, err := os.MkdirTemp(filepath.Dir(out), ".draw-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	document, err := json.MarshalIndent(d.document(), "", " ")
	if err != nil {
		return nil, err
	}
	files := []string{"draw.json", "items.jsonl"}
	if err := durable.WriteFile(filepath.Join(dir, "draw.json"), append(document, '\n'), 0o644); err != nil {
		return nil, err
	}
	if err := durable.Write(filepath.Join(dir, "items.jsonl"), 0o644, d.writeItems); err != nil {
		return nil, err
	}
	for name, data := range d.forHarnesses(task) {
		files = append(files, name)
		if err := durable.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.Rename(dir, out); err != nil {
		return nil, err
	}
	for i, name := range files {
		files[i] = filepath.Join(out, name)
	}
	return files, durable.SyncDir(filepath.Dir(out))
}

func (d *drawn) writeItems(w io.Writer) error {
	buf := bufio.NewWriter(w)
	encoder := json.NewEncoder(buf)
	for _, i := range d.items {
		if err := encoder.Encode(d.item(i)); err != nil {
			return err
		}
	}
	return buf.Flush()
}

// forHarnesses returns the drawn items as harnesses take them. lm-eval knows its items by
// the number of their row, Inspect by their id.
func (d *drawn) forHarnesses(task string) map[string][]byte {
	files := map[string][]byte{}
	if d.keys == nil {
		return files
	}
	var ids []string
	var rows []json.RawMessage
	for _, i := range d.items {
		key := d.keys[i]
		id := string(key)
		var text string
		if json.Unmarshal([]byte(key), &text) == nil {
			id = text
		}
		ids = append(ids, id)
		rows = append(rows, json.RawMessage(key))
	}
	if d.set.KeyMember == "" {
		doc, _ := json.Marshal(map[string][]json.RawMessage{task: rows})
		files["lm-eval.json"] = append(doc, '\n')
	}
	if !strings.Contains(strings.Join(ids, ""), ",") { // Inspect's separator
		files["sample-ids.txt"] = []byte(strings.Join(ids, ",") + "\n")
	}
	return files
}
