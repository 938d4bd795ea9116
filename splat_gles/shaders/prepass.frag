#version 300 es
// Never runs: the prepass discards its points. OpenGL ES wants a fragment shader all the same.
precision mediump float;
void main() {}
