//go:build !linux

package bnlib

import "testing"

func storesThatFail(t *testing.T) map[string]*Store {
	return map[string]*Store{"a file in the folder's place": unwritable(t)}
}
