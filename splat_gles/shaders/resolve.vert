#version 300 es
// The avatar's part of the screen, as two triangles.
precision highp float;

// The head of projection.vert's block; enlarge.frag repeats it
layout(std140) uniform Frame {
    vec4 projection;
    vec4 picture;
    vec4 region;        // clip space: left, bottom, right, top
    vec4 source;        // buffer pixels per screen pixel, x and y; size of the buffer's picture
};

void main() {
    vec2 at = vec2((gl_VertexID & 1) == 0 ? region.x : region.z,
                   (gl_VertexID >> 1) == 0 ? region.y : region.w);
    gl_Position = vec4(at, 0.0, 1.0);
}
