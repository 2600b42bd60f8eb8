package kubernetes

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/batch"
	"k8s.io/kubernetes/pkg/apis/core"
	"k8s.io/kubernetes/pkg/registry/batch/job"
	"k8s.io/kubernetes/pkg/registry/core/persistentvolumeclaim"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

func manifest(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../job.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// create does with a manifest what the API server does with a request to create its objects, up to the database: decodes, fills in
// defaults, validates, warns.
func create(manifest string) (warnings []string, err error) {
	objects, err := Decode([]byte(manifest))
	if err != nil {
		return nil, err
	}
	ctx := genericapirequest.WithNamespace(genericapirequest.NewContext(), "default")
	for _, object := range objects {
		legacyscheme.Scheme.Default(object)
		// The namespace is that of the request.
		internal, err := legacyscheme.Scheme.ConvertToVersion(object, schema.GroupVersion{Group: object.GetObjectKind().GroupVersionKind().Group, Version: runtime.APIVersionInternal})
		if err != nil {
			return nil, err
		}
		var strategy rest.RESTCreateStrategy
		switch internal.(type) {
		case *batch.Job:
			strategy = job.Strategy
		case *core.PersistentVolumeClaim:
			strategy = persistentvolumeclaim.Strategy
		default:
			return nil, fmt.Errorf("a %T, which this test does not know", internal)
		}
		accessor, err := meta.Accessor(internal)
		if err != nil {
			return nil, err
		}
		rest.FillObjectMetaSystemFields(accessor)
		if err := rest.BeforeCreate(strategy, ctx, internal); err != nil {
			return nil, err
		}
		warnings = append(warnings, strategy.WarningsOnCreate(ctx, internal)...)
	}
	return warnings, nil
}

// TestJob creates docker/job.yaml, whose Job says to the command how many indexes there are and which exit code is final, and whose
// pods may run where the strictest of Kubernetes' standards for pods is enforced.
func TestJob(t *testing.T) {
	warnings, err := create(manifest(t))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("warnings %q, error %v", warnings, err)
	}
	job, err := Job([]byte(manifest(t)))
	if err != nil {
		t.Fatal(err)
	}
	template := job.Spec.Template
	shards := ""
	for _, variable := range template.Spec.Containers[0].Env {
		if variable.Name == "BATCHNORM_SHARDS" {
			shards = variable.Value
		}
	}
	if shards != fmt.Sprint(*job.Spec.Completions) {
		t.Errorf("BATCHNORM_SHARDS is %q, completions %d", shards, *job.Spec.Completions)
	}
	if final := job.Spec.PodFailurePolicy.Rules[0].OnExitCodes.Values; !slices.Equal(final, []int32{64}) { // never, in bnlib/sweep
		t.Errorf("final exit codes %v", final)
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, result := range evaluator.EvaluatePod(api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}, &template.ObjectMeta, &template.Spec) {
		if !result.Allowed {
			t.Errorf("refused under the restricted standard: %s, %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
}

// TestRefused makes one mistake at a time: each is found, for that reason.
func TestRefused(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		// Names, types and values that Kubernetes does not know.
		{"completionMode: Indexed", "completionmode: Indexed", `unknown field "spec.completionmode"`},
		{"completionMode: Indexed", "completionMode: indexed", `spec.completionMode: Unsupported value: "indexed"`},
		{"backoffLimitPerIndex: 5", "backoffLimitPerIndex: five", "cannot unmarshal"},
		{"backoffLimitPerIndex: 5", "backoffLimitPerIndex: 5\n  backoffLimitPerIndex: 6", "already set in map"},
		{"ttlSecondsAfterFinished: 86400", "ttlSecondsAfterFinish: 86400", "unknown field"},
		{"readOnlyRootFilesystem", "readonlyRootFilesystem", "unknown field"},
		{"drop: [ALL]", "drop: ALL", "cannot unmarshal"},
		{"type: RuntimeDefault", "type: Runtime", `seccompProfile.type: Unsupported value: "Runtime"`},
		{"imagePullPolicy: IfNotPresent", "imagePullPolicy: Sometimes", "imagePullPolicy: Unsupported value"},
		{"[ReadWriteMany]", "[ReadWriteSome]", "spec.accessModes: Unsupported value"},
		{"apiVersion: batch/v1", "apiVersion: batch/v2", "no kind"},
		{"kind: Job", "kind: Jobs", "no kind"},
		// When to try again.
		{"completionMode: Indexed", "completionMode: NonIndexed", "spec.backoffLimitPerIndex: Invalid value: 5: requires indexed completion mode"},
		{"completions: 8", "", "spec.completions: Required value"},
		{"parallelism: 4", "parallelism: -4", "spec.parallelism: Invalid value: -4"},
		{"backoffLimitPerIndex: 5 #", "# ", "spec.backoffLimitPerIndex: Required value"},
		{"backoffLimitPerIndex: 5", "backoffLimitPerIndex: -1", "spec.backoffLimitPerIndex: Invalid value: -1"},
		{"maxFailedIndexes: 2", "maxFailedIndexes: 9", "spec.maxFailedIndexes: Invalid value: 9"},
		{"action: FailIndex", "action: FailShare", "action: Unsupported value"},
		{"operator: In", "operator: Within", "operator: Unsupported value"},
		{"values: [64]", "values: [0]", "must not be 0 for the In operator"},
		{"values: [64]", "values: []", "at least one value is required"},
		{"values: [64]", "values: [64, 64]", "Duplicate value: 64"},
		{"values: [64]", "values: [75, 64]", "must be ordered"},
		{"containerName: sweep", "containerName: train", "must be one of the container or initContainer names"},
		{"type: DisruptionTarget", "type: \"\"", "onPodConditions[0].type"},
		{"restartPolicy: Never", "restartPolicy: OnFailure", `only "Never" is supported when podFailurePolicy is specified`},
		{"ttlSecondsAfterFinished: 86400", "ttlSecondsAfterFinished: -1", "spec.ttlSecondsAfterFinished"},
		// What a pod gets.
		{"cpu: \"1\"\n              memory: 2Gi", "cpu: 500m\n              memory: 2Gi", "must be less than or equal to cpu limit"},
		{"memory: 1Gi", "memory: 1GB", "quantities must match"},
		{"- name: store\n              mountPath", "- name: stor\n              mountPath", `volumeMounts[0].name: Not found: "stor"`},
		{"mountPath: /tmp", "mountPath: /store", "must be unique"},
		{"claimName: sweep", "claimName: \"\"", "claimName: Required value"},
		{"storage: 10Gi", "storage: -10Gi", "must be greater than zero"},
		{"runAsUser: 1000", "runAsUser: -1", "runAsUser: Invalid value: -1"},
	} {
		text := manifest(t)
		if strings.Count(text, c.old) != 1 {
			t.Errorf("%q is %d times in the manifest, want once", c.old, strings.Count(text, c.old))
			continue
		}
		if _, err := create(strings.Replace(text, c.old, c.new, 1)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q instead of %q: error %v, want %q", c.new, c.old, err, c.want)
		}
	}
}
