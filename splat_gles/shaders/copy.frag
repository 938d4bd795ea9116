#version 300 es
// Ten bits to eight, pixel by pixel; the framebuffer rounds to the nearest.
precision highp float;
precision highp sampler2D;

uniform sampler2D drawn;
out vec4 fragment;

void main() {
    // Opaque: blending stays on, and this replaces what is there
    fragment = vec4(texelFetch(drawn, ivec2(gl_FragCoord.xy), 0).rgb, 1.0);
}
