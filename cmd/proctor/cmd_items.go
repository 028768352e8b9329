package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/proctor-attest/proctor/attest/harness"
)

func (e *env) cmdItems() *cli.Command {
	return &cli.Command{
		Name:      "items",
		Usage:     "print the items inside a harness log, as JSONL",
		ArgsUsage: "LOG…",
		Description: "Each item once, as the log shows it. Where the log's key is not the item's id it is\n" +
			"added as \"key\". What comes out can be committed to: \"proctor commit testset\".",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "task", Usage: "`TASK` of a log that has several"},
			&cli.StringFlag{Name: "metric", Usage: "`METRIC` of a log that has several"},
			&cli.StringFlag{Name: "filter", Usage: "lm-eval's filter or Inspect's scorer, a `NAME`, of a log that has several"},
			quietFlag(),
		},
		Action: e.runItems,
	}
}

func (e *env) runItems(c *cli.Context) error {
	if c.Args().Len() == 0 {
		return usagef("items needs the files of a log")
	}
	log, err := openLog(c.Args().Slice(), harness.Selection{Task: c.String("task"), Metric: c.String("metric"), Filter: c.String("filter")})
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	err = log.Rows(func(row harness.Row) error {
		if seen[row.Key] && row.Key != "" {
			return nil
		}
		seen[row.Key] = true
		doc, err := itemOf(row)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "%s\n", doc)
		return err
	})
	if err != nil {
		return err
	}
	if log.Effective < log.Original {
		e.note(c, "log: it is of %d of the task's %d items", log.Effective, log.Original)
	}
	for _, n := range log.Notes {
		e.note(c, "log: %s", n)
	}
	e.note(c, "%d items of %s, from a log of %s %s", len(seen), log.Task, log.Format, log.Version)
	return nil
}

// itemOf is a row's item, with its key.
func itemOf(row harness.Row) ([]byte, error) {
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(row.Doc, &doc); err != nil || doc == nil {
		return nil, errors.New("the log does not show its items as objects")
	}
	if _, taken := doc["key"]; taken || row.Key == "" || string(doc["id"]) == row.Key {
		return row.Doc, nil
	}
	doc["key"] = json.RawMessage(row.Key)
	return json.Marshal(doc)
}
