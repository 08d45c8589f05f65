/** What a bundler makes of a WebAssembly module that is imported: its address, its bytes or itself. `init` takes all of them. */
declare const loaded: any;
export default loaded;
