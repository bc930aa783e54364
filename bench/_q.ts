import { createKernels, createGemm } from '/work/main/src/kernels/index.ts';
const k = await createKernels();
for (const backend of ['webassembly','onnxruntime','auto'] as const) {
 const t0=performance.now();
 const g = await createGemm(k, {backend}); console.log(g.description, performance.now()-t0);
 for (const [m,kk,n] of [[512,768,3072],[512,3072,768],[1,768,3072],[5,768,3072]]) {
 const mark=k.mark();
 const A=k.floats(m*kk).map(()=>Math.random()) && k.floats(m*kk), B=k.floats(n*kk); const c=k.floats(m*n);
 A.forEach((_,i)=>{A[i]=Math.random()}); B.forEach((_,i)=>{B[i]=Math.random()});
 const shB=new Float32Array(new SharedArrayBuffer(n*kk*4)); shB.set(B);
 for (const [name,bb] of [['in',B],['out',shB]] as const)
 for (const transposed of [true,false]) {
 let best=1e9; for(let i=0;i<20;i++){const t=performance.now(); await g.float32(c,A,bb,{m,k:kk,n,transposed}); best=Math.min(best,performance.now()-t);} console.log(backend,m,kk,n,name,transposed,(2*m*kk*n/best/1e6).toFixed(1),'GFLOP/s');}
 const u=k.bytes(m*kk).fill(200); const sb=k.bytes(kk*n); const s=new Int8Array(k.memory.buffer, sb.byteOffset, kk*n).fill(-3); const d=k.integers(m*n);
 {let best=1e9; for(let i=0;i<12;i++){const t=performance.now(); await g.int8(d,u,s,{m,k:kk,n}); best=Math.min(best,performance.now()-t);} console.log(backend,m,'int8',(2*m*kk*n/best/1e6).toFixed(1),'GOP/s');}
 k.release(mark);
 }
}
