package rest

import (
	"net/http"
	"path"
	"strconv"
	"strings"

	"github.com/dunlin-edge/dunlin/inference"
)

// tensorFlow adds the routes of TensorFlow Serving.
//
// Source: tensorflow.org/tfx/serving/api_rest.
func (h *handler) tensorFlow(mux *http.ServeMux) {
	for _, p := range []string{"/v1/models/{model}", "/v1/models/{model}/versions/{version}", "/v1/models/{model}/labels/{label}"} {
		mux.HandleFunc("GET "+p, h.onModel((*call).status))
		mux.HandleFunc("GET "+p+"/metadata", h.onModel((*call).metadata))
		mux.HandleFunc(p, otherMethod)
	}
	verbs := map[string]func(*call) error{"predict": (*call).predictTF}
	mux.HandleFunc("POST /v1/models/{verb}", h.known(func(c *call) error { return c.verb("model", verbs) }))
	mux.HandleFunc("POST /v1/models/{model}/versions/{verb}", h.known(func(c *call) error { return c.verb("version", verbs) }))
	mux.HandleFunc("POST /v1/models/{model}/labels/{verb}", h.known(func(c *call) error { return c.verb("label", verbs) }))
}

// otherMethod refuses what neither reads a model nor asks for a verb: routes of
// the two look alike to the multiplexer.
func otherMethod(w http.ResponseWriter, r *http.Request) {
	allow := "GET, HEAD"
	if strings.Contains(path.Base(r.URL.Path), ":") {
		allow = http.MethodPost
	}
	w.Header().Set("Allow", allow)
	http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
}

// predictTF answers in TensorFlow Serving's words.
func (c *call) predictTF() error {
	rows, out, err := c.predict()
	if err != nil {
		return err
	}
	key := `{"outputs":`
	if rows {
		key = `{"predictions":`
	}
	return c.send(append(append([]byte(key), out...), '}'))
}

// versionStatus is one version of a model.
type versionStatus struct {
	Version string `json:"version"`
	State   string `json:"state"`
	Status  struct {
		Code    string `json:"error_code"`
		Message string `json:"error_message"`
	} `json:"status"`
}

func (c *call) status() error {
	m, err := c.h.cfg.Models.Find(c.model, c.version)
	if err != nil {
		return err
	}
	c.used = m
	s := versionStatus{Version: m.Version, State: "AVAILABLE"}
	s.Status.Code = "OK"
	return c.reply(struct {
		Versions []versionStatus `json:"model_version_status"`
	}{[]versionStatus{s}})
}

// signatureTensor is a tensor in TensorFlow's words.
type signatureTensor struct {
	DType string `json:"dtype"`
	Shape struct {
		Dim     []dimension `json:"dim"`
		Unknown bool        `json:"unknown_rank"`
	} `json:"tensor_shape"`
	Name string `json:"name"`
}

type dimension struct {
	Size string `json:"size"`
	Name string `json:"name"`
}

func signatureTensors(list []inference.TensorInfo) map[string]signatureTensor {
	all := map[string]signatureTensor{}
	for _, t := range list {
		x := signatureTensor{DType: tensorFlowType(t.DType), Name: t.Name}
		x.Shape.Dim = []dimension{}
		for _, n := range t.Shape {
			x.Shape.Dim = append(x.Shape.Dim, dimension{Size: strconv.Itoa(n)})
		}
		all[t.Name] = x
	}
	return all
}

// tensorFlowType is the name of a type in tensorflow/core/framework/types.proto.
func tensorFlowType(t inference.DType) string {
	return map[inference.DType]string{
		inference.Float32: "DT_FLOAT", inference.Float16: "DT_HALF", inference.Int8: "DT_INT8", inference.Uint8: "DT_UINT8",
		inference.Int16: "DT_INT16", inference.Int32: "DT_INT32", inference.Int64: "DT_INT64", inference.Bool: "DT_BOOL",
	}[t]
}

// signature is a model's entry.
type signature struct {
	Inputs  map[string]signatureTensor `json:"inputs"`
	Outputs map[string]signatureTensor `json:"outputs"`
	Method  string                     `json:"method_name"`
}

func (c *call) metadata() error {
	m, err := c.h.cfg.Models.Find(c.model, c.version)
	if err != nil {
		return err
	}
	c.used = m
	type spec struct {
		Name      string `json:"name"`
		Signature string `json:"signature_name"`
		Version   string `json:"version"`
	}
	type definitions struct {
		All map[string]signature `json:"signature_def"`
	}
	type described struct {
		Signatures definitions `json:"signature_def"`
	}
	all := map[string]signature{servingDefault: {signatureTensors(m.Model.Inputs()), signatureTensors(m.Model.Outputs()), "tensorflow/serving/predict"}}
	return c.reply(struct {
		Model    spec      `json:"model_spec"`
		Metadata described `json:"metadata"`
	}{spec{m.Name, "", m.Version}, described{definitions{all}}})
}
