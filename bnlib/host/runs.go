package host

import (
	"fmt"
	"os"
	"path/filepath"
)

// RunsEnv names the environment variable that overrides the folder of runs: for a project's folder that cannot be written, or to keep
// runs elsewhere.
const RunsEnv = "BATCHNORM_RUNS"

// ProgramsEnv names the environment variable that overrides the folder of what XLA has compiled, programs in the project's own folder;
// "off" keeps none.
const ProgramsEnv = "BATCHNORM_PROGRAMS"

// Runs returns the folder that trained networks are kept in: $BATCHNORM_RUNS if set, else runs in the project's own folder. It is made
// once there is something to keep.
func Runs() (string, error) {
	if dir := os.Getenv(RunsEnv); dir != "" {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return "", fmt.Errorf("host: %s: %w", RunsEnv, err)
		}
		return dir, nil
	}
	dir, err := Dir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "runs"), nil
}
