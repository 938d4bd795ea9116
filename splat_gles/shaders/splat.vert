#version 300 es
// A splat's quad: four corners of a triangle strip, one instance for each splat.
// PRECISION, mediump or highp, is defined by the renderer.
precision highp float;

layout(location = 0) in vec2 centre;
layout(location = 1) in vec4 axes;     // axis 1 (x, y), axis 2 (y), log2(255 opacity)
layout(location = 2) in vec4 color;

out PRECISION vec2 corner;               // the unit circle is where the splat ends
flat out PRECISION vec4 paint;
flat out PRECISION float strength;

void main() {
    vec2 at = vec2(gl_VertexID & 1, gl_VertexID >> 1) * 2.0 - 1.0;
    corner = at;
    paint = color;
    strength = axes.w;
    gl_Position = vec4(centre + axes.xy * at.x + vec2(0.0, axes.z * at.y), 0.0, 1.0);
}
