package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// digest returns one word for all of its parts, different if any of them is.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

// stamps returns what each finished step was made from. An unreadable file means that nothing is known to be finished.
func (w *workbook) stamps() map[string]string {
	stamps := map[string]string{}
	if data, err := os.ReadFile(w.stampFile()); err == nil {
		if json.Unmarshal(data, &stamps) != nil {
			return map[string]string{}
		}
	}
	return stamps
}

// stamping is held while the file of stamps is written anew.
var stamping sync.Mutex

// stamp notes that a step is finished.
func (w *workbook) stamp(name, key string) error {
	stamping.Lock()
	defer stamping.Unlock()
	stamps := w.stamps()
	stamps[name] = key
	data, err := json.MarshalIndent(stamps, "", "  ")
	if err != nil {
		return err
	}
	return writeFile(w.stampFile(), append(data, '\n'))
}

func (w *workbook) stampFile() string { return filepath.Join(w.home, "setup.json") }

// writeFile writes a file whole or not at all.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Chmod(f.Name(), 0o644); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
