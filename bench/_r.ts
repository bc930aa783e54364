import { createKernels, createGemm } from '/work/main/src/kernels/index.ts';
import * as oracle from '/work/main/src/kernels/oracle.ts';
const k = await createKernels();
for (const be of ['onnxruntime','webassembly'] as const) {
const g = await createGemm(k,{backend:be});
for (const [K,n] of [[768,3072],[768,768],[3072,768],[64,512],[512,64],[100,37]]) for (const transposed of [false,true]) {
 const M=512; const a=oracle.sample(M*K,1), b=oracle.sample(K*n,2); 
 const run=async(f:number,m:number)=>{const c=new Float32Array(m*n); await g.float32(c,a.subarray(f*K,(f+m)*K),b,{m,k:K,n,transposed}); return c;};
 const all=await run(0,M);
 const res:string[]=[];
 for (const m of [1,2,3,4,5,6,7,8,12,13,16,32,64,128,256,511]) { let bad=0, worst=0; for (const f of [0,1,M-m]) {const c=await run(f,m); for(let i=0;i<c.length;i++) if(c[i]!==all[f*n+i]) {bad++; worst=Math.max(worst,Math.abs(c[i]-all[f*n+i]));}} if(bad) res.push(`${m}:${(bad/(3*m*n)*100).toFixed(0)}%(${worst.toExponential(0)})`);}
 // vs column split
 console.log(be,K,n,transposed?'Gemm(transB)':'MatMul', res.length?('differs for m='+res.join(' ')):'all equal');
}}
