//go:build !unix

package main

func affordable(wanted int) int { return wanted }
