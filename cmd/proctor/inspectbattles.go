package main

import (
	"fmt"
	"strings"

	"github.com/proctor-attest/proctor/attest/harness"
)

type inspectedBattles struct {
	Format  string   `json:"format"`
	Log     string   `json:"log"`
	Models  []string `json:"models"`
	Battles int      `json:"battles"`
	Self    int      `json:"withItself"`
	Odd     int      `json:"unknownOutcome"`
	Again   int      `json:"again"`
	Style   bool     `json:"style"`
}

func inspectBattles(b *harness.BattleLog) inspectedBattles {
	return inspectedBattles{b.Format, b.Board, b.Models, b.Battles, b.Self, b.Odd, b.Again, b.Styles != nil}
}

func (s sheet) battles(b *harness.BattleLog) {
	s.head("log of " + b.Format)
	s.line("log", b.Board)
	s.line("battles", fmt.Sprint(b.Battles))
	models := strings.Join(b.Models[:min(len(b.Models), mostRows)], ", ")
	if n := len(b.Models) - mostRows; n > 0 {
		models += fmt.Sprintf(" and %d more", n)
	}
	s.line("models", models)
	for _, n := range []struct {
		of   int
		what string
	}{
		{b.Self, "are of a model with itself"}, {b.Odd, "have an outcome that is not known: " + strings.Join(b.Odds, ", ")},
		{b.Again, "are there again"},
	} {
		if n.of > 0 {
			s.line("notice", fmt.Sprintf("%d %s", n.of, n.what))
		}
	}
}
