package main

import (
	"context"
	"embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"batchnorm/bnlib/host"
)

//go:embed peers/*.py peers/requirements.txt
var peerFiles embed.FS

// peersPython returns the interpreter of the peers' own environment, which is made or made anew if it is not what the pinned
// requirements ask for.
func peersPython(ctx context.Context) (string, error) {
	dir, err := host.Dir()
	if err != nil {
		return "", err
	}
	requirements, err := peerFiles.ReadFile("peers/requirements.txt")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "peers")
	venv := host.Venv{Dir: filepath.Join(dir, "venv"), Minor: 11, Requirements: filepath.Join(dir, "requirements.txt"), Env: pythonEnv()}
	made := filepath.Join(venv.Dir, "made_from.txt")
	if version := venv.Version(ctx); version != "" {
		if stamp, err := os.ReadFile(made); err == nil && string(stamp) == version+"\n"+string(requirements) {
			return venv.Python(), nil
		}
	}
	fmt.Fprintf(os.Stderr, "Installing the peers in %s (7 GB on Linux, since PyTorch brings CUDA; deleting that folder undoes it).\n", dir)
	if err := write(venv.Requirements, requirements); err != nil {
		return "", err
	}
	err = venv.Install(ctx, os.Stderr, func(cmd *exec.Cmd, advice string) error {
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args[:3], " "), err, advice)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("installing the peers: %w", err)
	}
	return venv.Python(), write(made, []byte(venv.Version(ctx)+"\n"+string(requirements)))
}

// pythonEnv is this process's environment without what would lead another Python's packages in.
func pythonEnv() []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		return strings.HasPrefix(s, "PYTHON") || strings.HasPrefix(s, "VIRTUAL_ENV")
	})
	return append(env, "PYTHONNOUSERSITE=1", "PYTHONUTF8=1", "TF_CPP_MIN_LOG_LEVEL=2", "CUDA_VISIBLE_DEVICES=", "JAX_PLATFORMS=cpu")
}

// writeScripts writes the peers' programs into a folder.
func writeScripts(folder string) error {
	names, err := peerFiles.ReadDir("peers")
	if err != nil {
		return err
	}
	for _, name := range names {
		content, err := peerFiles.ReadFile("peers/" + name.Name())
		if err != nil {
			return err
		}
		if err := write(filepath.Join(folder, name.Name()), content); err != nil {
			return err
		}
	}
	return nil
}
