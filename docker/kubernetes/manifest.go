// Package kubernetes reads docker/job.yaml as Kubernetes does. It is in a module of its own, since nothing else here needs Kubernetes.
package kubernetes

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
)

// Decode reads the objects of a manifest as kubectl does with --validate=strict: what Kubernetes does not know is an error.
func Decode(manifest []byte) ([]runtime.Object, error) {
	strict := json.NewSerializerWithOptions(json.DefaultMetaFactory, legacyscheme.Scheme, legacyscheme.Scheme, json.SerializerOptions{Yaml: true, Strict: true})
	documents := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(manifest)))
	defer documents.Close()
	var objects []runtime.Object
	buffer := make([]byte, len(manifest))
	for {
		n, err := documents.Read(buffer)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		object, _, err := strict.Decode(buffer[:n], nil, nil)
		if err != nil {
			return nil, fmt.Errorf("object %d: %w", len(objects), err)
		}
		objects = append(objects, object)
	}
}

// Job returns the one Job of a manifest.
func Job(manifest []byte) (*batchv1.Job, error) {
	objects, err := Decode(manifest)
	if err != nil {
		return nil, err
	}
	for _, object := range objects {
		if job, ok := object.(*batchv1.Job); ok {
			return job, nil
		}
	}
	return nil, errors.New("the manifest has no Job")
}
