import { createKernels } from '/work/main/src/kernels/index.ts';
import * as oracle from '/work/main/src/kernels/oracle.ts';
const k = await createKernels();
const xs=[]; for(let x=-14;x<14;x+=0.00013) xs.push(x);
const X=Float32Array.from(xs);
for (const name of ['gelu','geluTanh','silu','tanh'] as const){
 const y=k.load(X); k[name](y);
 const bins=new Map<number,[number,number]>();
 X.forEach((x,i)=>{const e=oracle.activations[name](x); const b=Math.floor(x); const o=bins.get(b)??[0,0]; bins.set(b,[Math.max(o[0],Math.abs(y[i]-e)),Math.max(o[1],Math.abs(y[i]-e)/Math.abs(e))]);});
 console.log(name,[...bins].map(([b,[a,r]])=>`${b}: ${a.toExponential(1)} ${r.toExponential(1)}`).join(' | '));
}
