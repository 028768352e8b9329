//go:build !unix

package model

const openFlags = 0
