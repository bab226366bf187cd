package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	compose "github.com/compose-spec/compose-go/v2/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"sigs.k8s.io/yaml"
)

// TestKubernetes decodes every document strictly into the types of Kubernetes.
func TestKubernetes(t *testing.T) {
	for _, file := range []string{"kubernetes.yaml", "kubernetes-replicas.yaml"} {
		t.Run(file, func(t *testing.T) { strictly(t, documents(t, file)) })
	}
}

func strictly(t *testing.T, all [][]byte) {
	t.Helper()
	for _, doc := range all {
		var kind struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(doc, &kind); err != nil {
			t.Fatal(err)
		}
		into := map[string]any{
			"v1 Namespace": &corev1.Namespace{}, "v1 PersistentVolumeClaim": &corev1.PersistentVolumeClaim{},
			"v1 Service": &corev1.Service{}, "apps/v1 Deployment": &appsv1.Deployment{}, "v1 ConfigMap": &corev1.ConfigMap{},
			"apps/v1 StatefulSet": &appsv1.StatefulSet{}, "policy/v1 PodDisruptionBudget": &policyv1.PodDisruptionBudget{},
		}[kind.APIVersion+" "+kind.Kind]
		if into == nil {
			t.Errorf("%+v: the test does not know this kind", kind)
			continue
		}
		if err := yaml.UnmarshalStrict(doc, into); err != nil {
			t.Errorf("%s: %v", kind.Kind, err)
		}
		if d, ok := into.(*appsv1.Deployment); ok && d.Name == "dunlin-fleet" {
			usesImage(t, d.Spec.Template.Spec.Containers[0].Args, "dunlin-fleet")
		}
	}
}

// TestKServe validates the runtime against KServe's own definition of it.
func TestKServe(t *testing.T) {
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/kserve/kserve@v0.15.2").Output()
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, "config/crd/full/serving.kserve.io_servingruntimes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	var rules apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &rules, nil); err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	doc := documents(t, "kserve.yaml")[0]
	if err := yaml.Unmarshal(doc, &object); err != nil {
		t.Fatal(err)
	}
	validator, _, err := validation.NewSchemaValidator(&rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range validation.ValidateCustomResource(nil, object, validator) {
		t.Error(err)
	}
	structural, err := schema.NewStructural(&rules)
	if err != nil {
		t.Fatal(err)
	}
	if unknown := pruning.PruneWithOptions(object, structural, true, schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}); len(unknown) > 0 {
		t.Errorf("unknown fields %v", unknown)
	}
}

// TestCompose loads the file as docker compose does, its schema included.
func TestCompose(t *testing.T) {
	text, err := os.ReadFile("compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	p, err := loader.LoadWithContext(t.Context(), compose.ConfigDetails{
		WorkingDir: ".", ConfigFiles: []compose.ConfigFile{{Filename: "compose.yaml", Content: text}},
		Environment: map[string]string{"FLEET_HOST": "192.0.2.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	usesImage(t, p.Services["controller"].Command, "dunlin-fleet")
}

// usesImage runs the program with --help after the arguments of a manifest: the
// flags that it names must exist.
func usesImage(t *testing.T, args []string, program string) {
	t.Helper()
	out, err := exec.Command("go", append([]string{"run", "-C", "../..", "./cmd/" + program}, append(args, "--help")...)...).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "Usage") {
		t.Errorf("%s %v: %v %s", program, args, err, out)
	}
}

func documents(t *testing.T, file string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(text, []byte("\n---\n"))
}
