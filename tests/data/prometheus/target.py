import http.server,time,random,math,sys
start=time.time()
state={"n":0}
def body():
    state["n"]+=1; n=state["n"]; t=time.time()-start
    out=[]
    for h in ("aaa","bbb"):
        for code in ("200","500"):
            base=int(t*(50 if code=="200" else (1 if h=="aaa" else 4)))
            if h=="bbb": base%=1500   # resets every 30s for 200
            out.append(f'http_requests_total{{code="{code}",method="GET",pod_template_hash="{h}"}} {base}')
        tot=int(t*50)
        cum=0
        for i,le in enumerate(["0.005","0.01","0.025","0.05","0.1","0.25","0.5","1","2.5","+Inf"]):
            frac=[0.05,0.2,0.5,0.7,0.85,0.93,0.97,0.99,0.995,1][i]
            if h=="bbb": frac=frac**2
            out.append(f'http_request_duration_seconds_bucket{{le="{le}",pod_template_hash="{h}"}} {int(tot*frac)}')
        out.append(f'http_request_duration_seconds_sum{{pod_template_hash="{h}"}} {t*50*0.07}')
        out.append(f'http_request_duration_seconds_count{{pod_template_hash="{h}"}} {tot}')
    out.append(f'temperature{{room="a"}} {20+5*math.sin(t/10)}')
    out.append(f'temperature{{room="b"}} {"NaN" if n%3==0 else 18+n%7}')
    out.append('temperature{room="c"} +Inf')
    out.append(f'temperature{{room="d"}} {-3.5-n%2}')
    if (int(t)//20)%2==0: out.append(f'flapping{{x="1"}} {n}')
    out.append('tiny 1.25e-8'); out.append('huge 3e25')
    out.append('info{pod_template_hash="aaa",version="v1"} 1')
    out.append('info{pod_template_hash="bbb",version="v2"} 1')
    out.append('weights{code="200"} 0.5'); out.append('weights{code="500"} 2')
    return "\n".join(out)+"\n"
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(s):
        b=body().encode(); s.send_response(200); s.send_header("Content-Type","text/plain; version=0.0.4"); s.end_headers(); s.wfile.write(b)
    def log_message(s,*a): pass
http.server.ThreadingHTTPServer(("127.0.0.1",9998),H).serve_forever()
