package main

import (
	"context"
	"fmt"

	"google.golang.org/grpc"
)

// A frame is a message as it crosses the wire; wire.go reads and writes them.
type frame []byte

// codec hands messages through. Their form is that of protocol buffers.
type codec struct{}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) ([]byte, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("message of type %T", v)
	}
	return *f, nil
}

func (codec) Unmarshal(data []byte, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("message of type %T", v)
	}
	*f = append((*f)[:0], data...) // data is the transport's again
	return nil
}

// service lists the calls of inference.GRPCInferenceService, with Triton's model
// repository.
//
// Source: kserve/open-inference-protocol, specification/protocol/inference_grpc.md.
func service() *grpc.ServiceDesc {
	d := &grpc.ServiceDesc{ServiceName: "inference.GRPCInferenceService", HandlerType: (*any)(nil), Metadata: "grpc_predict_v2.proto"}
	for name, call := range map[string]func(*proxy, context.Context, frame) (frame, error){
		"ServerLive": (*proxy).live, "ServerReady": (*proxy).ready, "ModelReady": (*proxy).modelReady,
		"ServerMetadata": (*proxy).server, "ModelMetadata": (*proxy).model, "ModelInfer": (*proxy).infer,
		"RepositoryIndex": (*proxy).index, "RepositoryModelLoad": (*proxy).load, "RepositoryModelUnload": (*proxy).unload,
	} {
		d.Methods = append(d.Methods, grpc.MethodDesc{MethodName: name, Handler: func(srv any, ctx context.Context, read func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var in frame
			if err := read(&in); err != nil {
				return nil, err
			}
			out, err := call(srv.(*proxy), ctx, in)
			return &out, err
		}})
	}
	return d
}
