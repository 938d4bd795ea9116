#version 300 es
// Never runs: the projection pass discards its points. OpenGL ES wants a fragment shader all the same.
precision mediump float;
void main() {}
