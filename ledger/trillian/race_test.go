//go:build race

package trillian_test

const raceDetector = true
