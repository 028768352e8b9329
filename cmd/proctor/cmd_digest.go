package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest"
	"github.com/proctor-attest/proctor/attest/model"
	"github.com/proctor-attest/proctor/attest/testset"
)

func (e *env) cmdDigest() *cli.Command {
	return &cli.Command{
		Name:      "digest",
		Usage:     "compute a modelID, or the root of a skeleton or an opening: no key, no ledger",
		ArgsUsage: "DIR|FILE",
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "json", Usage: "print one JSON object"},
			&cli.BoolFlag{Name: "tensors", Usage: "list every tensor with its leaf"},
			&cli.BoolFlag{Name: "no-package", Usage: "leave out the hash of whole files: the modelID alone, in half of the time"},
			weightsFlag(), cacheFlag(), quietFlag(),
		},
		Action: e.runDigest,
	}
}

func (e *env) runDigest(c *cli.Context) error {
	name, err := oneArg(c, "a directory or file")
	if err != nil {
		return err
	}
	info, err := os.Stat(name)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return e.printModelDigest(c, name)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: neither a directory nor a regular file", name)
	}
	if c.Bool("tensors") || c.Bool("no-package") || c.IsSet("weights") || c.IsSet("cache") {
		return usagef("--tensors, --no-package, --weights and --cache are for a model directory")
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	said, opened, err := testset.PeekOpening(f)
	if err == nil {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := testset.ScanOpening(f, said, testset.OpeningConfig{Keep: []string{}}, func(testset.OpenedItem) error { return nil }); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return e.printRoot(c, said.Size, said.Root, fmt.Sprintf("opening of %d items, which fit", opened))
	}
	data, err := readLimited(name, 1<<31)
	if err != nil {
		return err
	}
	leaves, err := testset.ParseSkeleton(data)
	if err != nil {
		return withHint(fmt.Errorf("%s: neither a model directory, nor an opening, nor a skeleton", name), err.Error())
	}
	return e.printRoot(c, uint64(len(leaves)), attest.Root(leaves), "skeleton")
}

type modelDigest struct {
	ModelID   attest.Hash         `json:"modelID"`
	Package   *attest.Hash        `json:"package"` // null if it was not asked for
	Roles     []attest.RoleDigest `json:"roles"`
	Uncovered []string            `json:"uncovered"`
	KV        []model.KV          `json:"kv,omitempty"`
	Adapters  []adapterDigest     `json:"adapters,omitempty"`
	// The last member is "tensors", a list that is written one by one.
	tensors []model.Tensor
}

type tensorDigest struct {
	model.Tensor
	Leaf attest.Hash `json:"leaf"`
}

type adapterDigest struct {
	Path    string         `json:"path"`
	Tensors []tensorDigest `json:"tensors"`
}

func withLeaves(tensors []model.Tensor) []tensorDigest {
	out := make([]tensorDigest, len(tensors))
	for i, t := range tensors {
		out[i] = tensorDigest{t, t.Leaf()}
	}
	return out
}

func (e *env) printModelDigest(c *cli.Context, dir string) error {
	m, err := e.digestModel(c, dir)
	if err != nil {
		return err
	}
	d := modelDigest{ModelID: m.ID, Roles: m.Roles, Uncovered: m.Uncovered}
	if !c.Bool("no-package") {
		d.Package = &m.Package
	}
	if c.Bool("tensors") {
		d.KV, d.tensors = m.KV, m.Tensors
		for _, a := range m.Adapters {
			d.Adapters = append(d.Adapters, adapterDigest{a.Path, withLeaves(a.Tensors)})
		}
	}
	if c.Bool("json") {
		return e.printDigestJSON(d)
	}
	return e.printDigestText(d)
}

// printDigestJSON does not hold the list of tensors as text: of a large model that is
// longer than all that is known of it.
func (e *env) printDigestJSON(d modelDigest) error {
	if len(d.tensors) == 0 {
		return e.printJSON(d)
	}
	data, err := json.Marshal(d)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(e.stdout)
	w.Write(bytes.TrimSuffix(data, []byte("}")))
	sep := `,"tensors":[`
	for _, t := range d.tensors {
		data, err := json.Marshal(tensorDigest{t, t.Leaf()})
		if err != nil {
			return err
		}
		w.WriteString(sep)
		w.Write(data)
		sep = ","
	}
	w.WriteString("]}\n")
	return w.Flush()
}

func (e *env) printDigestText(d modelDigest) error {
	w := bufio.NewWriter(e.stdout)
	fmt.Fprintf(w, "modelID   %s\n", d.ModelID)
	if d.Package != nil {
		fmt.Fprintf(w, "package   %s\n", d.Package)
	}
	for _, r := range d.Roles {
		fmt.Fprintf(w, "          %s %s\n", r.Digest, r.Role)
	}
	for _, u := range d.Uncovered {
		fmt.Fprintf(w, "uncovered %s\n", oneLine(u))
	}
	printTensor := func(t model.Tensor, leaf attest.Hash) {
		fmt.Fprintf(w, "tensor    %s %s %v %s\n", leaf, t.DType, t.Shape, oneLine(t.Name))
	}
	for _, t := range d.tensors {
		printTensor(t, t.Leaf())
	}
	for _, kv := range d.KV {
		fmt.Fprintf(w, "value     %s %s\n", kv.Leaf, oneLine(kv.Key))
	}
	for _, a := range d.Adapters {
		fmt.Fprintf(w, "adapter   %s\n", oneLine(a.Path))
		for _, t := range a.Tensors {
			printTensor(t.Tensor, t.Leaf)
		}
	}
	return w.Flush()
}

// oneLine is a name that others wrote, as part of a line.
func oneLine(name string) string { return strings.ReplaceAll(printable(name), "\n", `\n`) }

func (e *env) printRoot(c *cli.Context, size uint64, root attest.Hash, what string) error {
	if c.Bool("json") {
		return e.printJSON(map[string]any{"size": size, "root": root})
	}
	_, err := fmt.Fprintf(e.stdout, "items     %d\nroot      %s\n          %s\n", size, root, what)
	return err
}

func (e *env) printJSON(v any) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s\n", data)
	return err
}
